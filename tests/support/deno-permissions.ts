const EVERY = ["--allow-net", "--allow-env", "--allow-read"] as const;

/**
 * What the service has to be allowed on Deno, by store, as docs/deploying.md has it: with one of these
 * fewer it does not work. `DIR` is the folder of `STORAGE_LOCAL_DIR`.
 */
export const DENO_PERMISSIONS = {
  local: [...EVERY, "--allow-write=DIR"],
  minio: EVERY,
  // The client of AWS says in each request what system it runs on.
  aws: [...EVERY, "--allow-sys=osRelease"],
  "gcs with a key": EVERY,
  // Google's library looks for a machine of Google's by its network cards.
  "gcs without a key": [...EVERY, "--allow-sys=networkInterfaces"],
} as const satisfies Readonly<Record<string, ReadonlyArray<string>>>;

/** Starts the service with these permissions and no other, for a folder in place of `DIR`. */
export const denoCommand =
  (permissions: ReadonlyArray<string>) =>
  (directory: string): ReadonlyArray<string> => [
    "deno",
    "run",
    // Who is not asked cannot say yes.
    "--no-prompt",
    ...permissions.map((permission) => permission.replace("DIR", directory)),
    "deploy/deno.ts",
  ];
