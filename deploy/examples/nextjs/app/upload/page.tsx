import { cookies } from "next/headers";
import { attachments, sessions, userOf, users } from "../../users";
import { valetkey } from "../../valetkey";
import { UploadForm } from "./form";

/** Lists what the signed-in user has uploaded, each with a fresh URL, and takes other files. */
export default async function UploadPage() {
  const user = userOf((await cookies()).toString());
  if (user === undefined) {
    return (
      <form action={signIn}>
        <label>
          Name <input name="name" autoComplete="username" required />
        </label>{" "}
        <button>Sign in</button>
      </form>
    );
  }
  const { id, organization } = user;
  const own = [...attachments.values()].filter(({ subject }) => subject === id);
  const files = await Promise.all(
    own.map(async ({ key }) => {
      const { url } = await valetkey.openFile({ caller: { id }, organization, key });
      return { key, url };
    }),
  );
  return (
    <main>
      <h1>Attachments</h1>
      <UploadForm organization={organization} />
      <ul>
        {files.map(({ key, url }) => (
          <li key={key}>
            <a href={url}>{key}</a>
          </li>
        ))}
      </ul>
    </main>
  );
}

// Stands for your own way to sign in.
async function signIn(form: FormData): Promise<void> {
  "use server";
  const user = users.get(String(form.get("name")));
  if (user === undefined) return;
  const session = crypto.randomUUID();
  sessions.set(session, user);
  (await cookies()).set("session", session, { httpOnly: true, sameSite: "lax" });
}
