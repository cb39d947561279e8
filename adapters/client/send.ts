import { ETAG } from "./decode.ts";
import { retryAfter, TIMER_LIMIT } from "./retry.ts";
import { inTime } from "./run.ts";

/**
 * Longest time without progress, in milliseconds: the system may have buffered more than a slow
 * line carries in a minute.
 */
const SEND_TIMEOUT = 120_000;

/**
 * Bytes per millisecond: a proxy may still have to forward a body that was taken whole, so the
 * answer may take longer by the time for that.
 */
const FORWARDED = 32.768;

export interface Put {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Blob;
  readonly signal: AbortSignal;
  readonly onSent: (bytes: number) => void;
}

export type PutAnswer = ReturnType<typeof answerFrom>;

/** Sends one PUT to the store. Rejects if it is not answered. */
export async function put(request: Put): Promise<PutAnswer> {
  const isXhr = typeof XMLHttpRequest !== "undefined";
  // Deno reports no progress.
  const silence = isXhr || SENDS_LENGTH ? SEND_TIMEOUT : TIMER_LIMIT;
  return inTime(request.signal, silence, (signal, restart) => {
    const onSent = (bytes: number) => {
      const { size } = request.body;
      restart(bytes < size ? silence : silence + size / FORWARDED);
      request.onSent(bytes);
    };
    return (isXhr ? putByXhr : putByFetch)({ ...request, signal, onSent });
  });
}

/** Sends by `XMLHttpRequest`, since `fetch` does not report how much of a body has been sent. */
async function putByXhr({ url, headers, body, signal, onSent }: Put): Promise<PutAnswer> {
  // A file of React Native by its URI has the members of a Blob.
  const sendable = body instanceof Blob ? body : await (body as Blob).arrayBuffer();
  const xhr = new XMLHttpRequest();
  xhr.open("PUT", url);
  for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
  // Also called after the answer, when it changes nothing.
  const giveUp = () => xhr.abort();
  xhr.upload.addEventListener("progress", ({ loaded }) => onSent(loaded));
  signal.addEventListener("abort", giveUp);
  await new Promise((resolve) => {
    xhr.addEventListener("loadend", resolve);
    xhr.send(sendable);
    if (signal.aborted) giveUp();
  });
  if (xhr.status === 0) throw new TypeError("no answer");
  // Reading a header that CORS hides makes the console complain. Names are in lower case.
  const names = xhr.getAllResponseHeaders();
  return answerFrom(xhr.status, xhr.responseText, (name) =>
    names.includes(`${name}:`) ? xhr.getResponseHeader(name) : null,
  );
}

async function putByFetch({ url, headers, body, signal, onSent }: Put): Promise<PutAnswer> {
  const response = await fetch(url, {
    method: "PUT",
    credentials: "omit",
    signal,
    ...(SENDS_LENGTH ? counted(headers, body, onSent) : { headers, body }),
  });
  const text = await textOf(response);
  // Deno reports nothing before.
  if (!SENDS_LENGTH) onSent(body.size);
  return answerFrom(response.status, text, (name) => response.headers.get(name));
}

/** Set where a stream is sent with the given length: on Node and Bun. */
const SENDS_LENGTH = globalThis.process?.versions?.node && !("Deno" in globalThis);

const CHUNK = 256 * 1024;

/** Makes the part of a request that has the body, which reports how much of it was taken. */
function counted(headers: Put["headers"], body: Blob, onSent: Put["onSent"]): object {
  let taken = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      onSent(Math.min(taken, body.size));
      if (taken >= body.size) return controller.close();
      const chunk = body.slice(taken, (taken += CHUNK));
      controller.enqueue(new Uint8Array(await chunk.arrayBuffer()));
    },
  });
  const withLength = { ...headers, "Content-Length": `${body.size}` };
  return { headers: withLength, body: stream, duplex: "half" };
}

/** Most characters of an answer that are searched for its code, and that are read. */
const LONGEST_HEAD = 2 ** 14;
const LONGEST_ANSWER = 2 ** 23;

/** Reads an answer up to a limit: a few bytes may unpack to gigabytes. */
export async function textOf(response: Response): Promise<string> {
  // React Native has no streams.
  if (!response.body) return response.text();
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  while (text.length < LONGEST_ANSWER) {
    const { done, value } = await reader.read();
    if (done) return text;
    text += decoder.decode(value, { stream: true });
  }
  await reader.cancel();
  return text;
}

/** Reads the XML of S3, which is the same for Google Cloud Storage. */
const answerFrom = (status: number, text: string, header: (name: string) => string | null) => ({
  status,
  // An ETag that the service would refuse counts as hidden.
  etag: ETAG.exec(header("etag") ?? "")?.[0],
  /** The milliseconds of its `Retry-After`. */
  after: retryAfter(header("retry-after"), header("date")),
  /** The error code, such as `SignatureDoesNotMatch`, and the store's message. */
  code: /<Code>(\w{1,99})<\/Code>/.exec(text.slice(0, LONGEST_HEAD))?.[1],
  message: /<Message>([^<\p{Cc}]{1,999})<\/Message>/u.exec(text.slice(0, LONGEST_HEAD))?.[1],
});
