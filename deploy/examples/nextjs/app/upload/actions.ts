"use server";

import { cookies } from "next/headers";
import { isValetkeyError, type Upload } from "valetkey";
import { userOf } from "../../users";
import { valetkey } from "../../valetkey";

/** What a browser tells of a file, which is checked here. */
interface File {
  readonly name: string;
  readonly type: string;
  readonly size: number;
}

/** Grants the signed-in user one upload, or says why not. */
export async function requestUpload({ name, type, size }: File): Promise<Upload | string> {
  const caller = userOf((await cookies()).toString());
  if (caller === undefined) return "Sign in first";
  try {
    return await valetkey.requestUpload({
      caller: { id: caller.id },
      organization: caller.organization,
      filename: name,
      contentType: type,
      size,
    });
  } catch (error) {
    if (isValetkeyError(error)) return error.message;
    throw error;
  }
}

/** Asks the store whether the upload has arrived. */
export async function confirmUpload(receipt: string): Promise<string> {
  const caller = userOf((await cookies()).toString());
  if (caller === undefined) return "Sign in first";
  try {
    const { organization } = caller;
    await valetkey.confirmUpload({ caller: { id: caller.id }, organization, receipt });
    return "It is there";
  } catch (error) {
    if (isValetkeyError(error)) return error.message;
    throw error;
  }
}
