import * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import { setTimeout as pause } from "node:timers/promises";
import { errorReason } from "../../values/thrown.ts";
import { CommandFailure, EXIT } from "../command/failure.ts";
import { tokenOrFail, UNAUTHENTICATED } from "../upload/upload.ts";

/** Attempts of a call that may be repeated: about four minutes. */
const ATTEMPTS = 12;
const LONGEST_PAUSE = 30_000;
/** Milliseconds: completing a page works for some seconds, and then for one file more. */
const TIMEOUT = 120_000;
const BUSY: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

const Problem = Schema.Struct({
  title: Schema.String,
  detail: Schema.optionalKey(Schema.String),
});
const decodeProblem = Schema.decodeOption(Schema.fromJsonString(Problem));

/**
 * Returns a function that calls an operation of the service; it fails with a `CommandFailure`. Not
 * by `valetkey/client`, which uploads: the package has nothing else of it.
 */
export function makeAsk({ org, endpoint }: { readonly org: string; readonly endpoint: URL }) {
  const token = tokenOrFail();
  const address = endpoint.href.replace(/\/$/, "");
  const root = `${address}/api/v1/orgs/${encodeURIComponent(org)}`;
  const headers = {
    "Content-Type": "application/json",
    ...(token && { Authorization: `Bearer ${token}` }),
  };
  return async <A>(
    path: "credentials" | "credentials/complete",
    body: object,
    schema: Schema.Codec<A, unknown>,
    attempts = ATTEMPTS,
  ): Promise<A> => {
    for (let attempt = 1; ; attempt += 1) {
      const called = await call(`${root}/${path}`, {
        method: "POST",
        headers,
        body: JSON.stringify(body),
        redirect: "error",
        signal: AbortSignal.timeout(TIMEOUT),
      });
      const { answer, text } = called;
      if (answer?.ok === true) {
        const decoded = Schema.decodeOption(Schema.fromJsonString(schema))(text);
        if (Option.isSome(decoded)) return decoded.value;
        throw failed(`${address} has answered something else than a Valetkey service does`);
      }
      const isBusy = answer === undefined || BUSY.has(answer.status);
      if (!isBusy || attempt === attempts) throw failed(reasonOf({ address, ...called }));
      const asked = Number(answer?.headers.get("retry-after") ?? 0) * 1000;
      await pause(Math.min(Math.max(asked, 500 * 2 ** attempt), LONGEST_PAUSE));
    }
  };
}

interface Called {
  readonly answer?: Response;
  readonly text: string;
  readonly failure?: unknown;
}

const call = async (url: string, init: RequestInit): Promise<Called> => {
  try {
    const answer = await fetch(url, init);
    return { answer, text: await answer.text() };
  } catch (failure) {
    return { text: "", failure };
  }
};

function reasonOf({ address, answer, text, failure }: Called & { readonly address: string }) {
  if (answer === undefined)
    return `${address} does not answer (${errorReason(failure)}). Check --endpoint, the network, and that the service runs`;
  if (answer.status === 401) return UNAUTHENTICATED;
  return Option.match(decodeProblem(text), {
    onNone: () => `${address} has answered with ${answer.status}, as no Valetkey service does`,
    onSome: ({ title, detail = title }) => detail,
  });
}

const failed = (message: string) =>
  new CommandFailure({ code: EXIT.failure, message: message.replace(/\.?$/, ".") });
