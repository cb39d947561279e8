"use server";

import { cookies } from "next/headers";
import { isValetkeyError } from "valetkey";
import { userOf } from "../../users";
import { valetkey } from "../../valetkey";

/** Grants the signed-in user one upload, or says why not. */
export async function requestUpload(file: { name: string; type: string; size: number }) {
  const { name: filename, type: contentType, size } = file;
  return asUser((user) => valetkey.requestUpload({ ...user, filename, contentType, size }));
}

/** Asks the store whether the upload has arrived. */
export async function confirmUpload(receipt: string) {
  return asUser(async (user) => {
    await valetkey.confirmUpload({ ...user, receipt });
    return "It is there";
  });
}

interface User {
  readonly caller: { readonly id: string };
  readonly organization: string;
}

async function asUser<A>(act: (user: User) => Promise<A>): Promise<A | string> {
  const user = userOf((await cookies()).toString());
  if (user === undefined) return "Sign in first";
  try {
    return await act({ caller: { id: user.id }, organization: user.organization });
  } catch (error) {
    if (isValetkeyError(error)) return error.message;
    throw error;
  }
}
