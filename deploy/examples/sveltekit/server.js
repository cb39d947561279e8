const { env } = process;

env.HOST ??= "127.0.0.1";
// For the embedded store alone: with another one no file passes through here.
env.BODY_SIZE_LIMIT ??= "Infinity";
await import("./build/index.js");
