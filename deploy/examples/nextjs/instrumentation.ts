/** Runs when the server starts, and ends it where uploads could not work. */
export async function register(): Promise<void> {
  if (process.env.NEXT_RUNTIME !== "nodejs") return;
  const { valetkey } = await import("./valetkey");
  await valetkey.ready();
}
