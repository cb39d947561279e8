import { cookies } from "next/headers";
import { attachments, userOf } from "../../users";
import { valetkey } from "../../valetkey";
import { UploadForm } from "./form";

/** Lists what the signed-in user has uploaded, each with a fresh URL, and takes another file. */
export default async function UploadPage() {
  const user = userOf((await cookies()).toString());
  if (user === undefined) return <p>Sign in first</p>;
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
      <UploadForm />
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
