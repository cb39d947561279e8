const { env } = process;

env.HOST ??= "127.0.0.1";
// For the embedded store alone: with another one no file passes through here.
env.BODY_SIZE_LIMIT ??= "Infinity";
// SvelteKit refuses parts, texts and removals of a page whose origin is not its own, which it takes
// for one of https unless a header says otherwise. A proxy sends this header.
env.PROTOCOL_HEADER ??= "x-forwarded-proto";
const { server } = await import("./build/index.js");
server.prependListener("request", ({ headers }) => (headers["x-forwarded-proto"] ??= "http"));
