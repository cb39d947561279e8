import { cookies } from "next/headers";
import { userOf } from "../users";
import { SignIn } from "./sign-in";
import { YourFiles } from "./your-files";

/** Takes files of whoever is signed in. */
export default async function Page() {
  const user = userOf((await cookies()).toString());
  return (
    <main>
      <h1>Your files</h1>
      {user === undefined ? <SignIn /> : <YourFiles {...user} />}
    </main>
  );
}
