import type { Project } from "./project.ts";

/**
 * The module `sign.js` of a project that has the package: `sign()` asks for one upload, and gives
 * the path in the store.
 */
export const SIGN = `
import { createValetkey } from "valetkey";
import { minio } from "valetkey/minio";

const valetkey = createValetkey({
  storage: minio({ endpoint: "http://127.0.0.1:9000", accessKey: "access-key", secretKey: "secret-key" }),
  publicUrl: "https://app.example.com",
  organizations: (slug) => slug,
  log: () => undefined,
});

export async function sign() {
  const { putUrl } = await valetkey.requestUpload({
    caller: { id: "mia" },
    organization: "acme",
    filename: "a.png",
    contentType: "image/png",
    size: 5,
  });
  return new URL(putUrl).pathname;
}
`;

/** What `signIn` gives where the package works. */
export const SIGNED = /^\/files\/orgs\/acme\/files\/.*\.png\n$/;

/** Signs an upload in a project that has the package, with Node; gives what that printed. */
export async function signIn(project: Project): Promise<string> {
  project.write("sign.js", SIGN);
  project.write("print.js", 'import { sign } from "./sign.js";\nconsole.log(await sign());\n');
  return (await project.run(["node", "print.js"])).output;
}
