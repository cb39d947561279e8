// A double of what a machine at Google has around it: the metadata server that names its service
// account and gives it access tokens, IAM, which signs as that account, and the Security Token
// Service, which bounds tokens. It can be slow, fail, and end a token before its time.
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { type IncomingMessage, type ServerResponse } from "node:http";
import { json, text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { listen } from "../support/serve.ts";
import { type Rule, rulesIn } from "./boundary.ts";

/** How the double behaves, and what it has been asked so far. */
interface MachineState {
  /** Milliseconds that IAM takes for a signature. */
  delay: number;
  /** Statuses that IAM answers next, instead of signing. */
  readonly failures: Array<number>;
  /** What IAM answers instead of a signature. */
  answer: string | undefined;
  /** Whom IAM signs as. */
  readonly accounts: Set<string>;
  /** Whether the metadata server refuses to answer. */
  isSilent: boolean;
  readonly asked: { email: number; token: number; signBlob: number; impersonate: number };
  /** The most signatures that were under way at one time. */
  busiest: number;
}

/** A listening double. */
export interface GoogleMachine {
  readonly account: string;
  /** What the signatures of IAM are checked with. */
  readonly publicKey: KeyObject;
  /** `host:port` of the metadata server, for `GCE_METADATA_HOST`. */
  readonly metadataHost: string;
  readonly iamEndpoint: URL;
  readonly state: MachineState;
  /** True for a token of an account that was impersonated. */
  readonly isImpersonated: (token: string) => boolean;
  /** The rules of a token with an access boundary, none for an unknown token; undefined for others. */
  readonly rulesOf: (token: string) => ReadonlyArray<Rule> | undefined;
  /** The forms by which they were asked for. */
  readonly exchanges: ReadonlyArray<URLSearchParams>;
  /** Takes back every token that was given out. */
  readonly revokeTokens: () => void;
  readonly close: () => Promise<void>;
}

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });

/** Starts both on one loopback port. */
export async function startGoogleMachine(): Promise<GoogleMachine> {
  const account = "machine@project.iam.gserviceaccount.com";
  const state: MachineState = {
    delay: 0,
    failures: [],
    accounts: new Set([account]),
    answer: undefined,
    isSilent: false,
    asked: { email: 0, token: 0, signBlob: 0, impersonate: 0 },
    busiest: 0,
  };
  const tokens = new Set<string>();
  const impersonated = new Map<string, number>();
  const boundaries = new Map<string, ReadonlyArray<Rule>>();
  const exchanges: Array<URLSearchParams> = [];
  let underWay = 0;

  const metadata = (url: string): readonly [number, string] => {
    if (state.isSilent) return [503, ""];
    if (url.endsWith("/email")) {
      state.asked.email++;
      return [200, account];
    }
    if (url.includes("/token")) {
      state.asked.token++;
      const token = crypto.randomUUID();
      tokens.add(token);
      const answer = { access_token: token, expires_in: 3600, token_type: "Bearer" };
      return [200, JSON.stringify(answer)];
    }
    return [200, url.endsWith("universe-domain") ? "googleapis.com" : "{}"];
  };

  const signBlob = async (request: IncomingMessage): Promise<readonly [number, string]> => {
    state.asked.signBlob++;
    state.busiest = Math.max(state.busiest, ++underWay);
    try {
      const { payload } = (await json(request)) as { readonly payload: string };
      await pause(state.delay, undefined, { ref: false });
      const failure = state.failures.shift();
      if (failure !== undefined) return [failure, "{}"];
      const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "";
      if (!tokens.has(token)) return [401, "{}"];
      if (state.answer !== undefined) return [200, state.answer];
      const signature = sign("sha256", Buffer.from(payload, "base64"), privateKey);
      return [200, JSON.stringify({ keyId: "1", signedBlob: signature.toString("base64") })];
    } finally {
      underWay--;
    }
  };

  /** "projects.serviceAccounts.generateAccessToken", for an hour or less. */
  const impersonate = async (request: IncomingMessage): Promise<readonly [number, string]> => {
    state.asked.impersonate++;
    const { lifetime } = (await json(request)) as { readonly lifetime: string };
    if (!tokens.has(request.headers.authorization?.slice("Bearer ".length) ?? ""))
      return [401, "{}"];
    const seconds = Number(/^(\d+)s$/.exec(lifetime)?.[1]);
    if (!(seconds <= 3600)) return [400, "{}"];
    const accessToken = crypto.randomUUID();
    impersonated.set(accessToken, seconds);
    const expireTime = new Date(Date.now() + seconds * 1000).toISOString();
    return [200, JSON.stringify({ accessToken, expireTime })];
  };

  /** "Method: token": the other token lives as long as the first. */
  const exchange = async (request: IncomingMessage): Promise<readonly [number, string]> => {
    const form = new URLSearchParams(await text(request));
    exchanges.push(form);
    const subject = form.get("subject_token") ?? "";
    const seconds = tokens.has(subject) ? 3600 : impersonated.get(subject);
    const isAsked = form.get("grant_type")?.endsWith(":token-exchange");
    if (seconds === undefined || !isAsked) return [400, '{"error":"invalid_grant"}'];
    const token = `bounded-${crypto.randomUUID()}`;
    boundaries.set(token, rulesIn(form.get("options") ?? ""));
    return [
      200,
      JSON.stringify({ access_token: token, expires_in: seconds, token_type: "Bearer" }),
    ];
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { url = "" } = request;
    const isMetadata = url.startsWith("/computeMetadata/v1");
    const [, named = "", method] =
      /^\/v1\/projects\/-\/serviceAccounts\/(.+):(signBlob|generateAccessToken)$/.exec(url) ?? [];
    // IAM tells nobody whether there is an account that he may not use.
    const isAllowed = state.accounts.has(decodeURIComponent(named));
    const [status, body] = isMetadata
      ? metadata(url)
      : url === "/v1/token"
        ? await exchange(request)
        : !isAllowed
          ? [method ? 403 : 404, "{}"]
          : method === "signBlob"
            ? await signBlob(request)
            : await impersonate(request);
    response.writeHead(status, {
      "Metadata-Flavor": "Google",
      "Content-Type": body.startsWith("{") ? "application/json" : "application/text",
    });
    response.end(body);
  };

  const { url, close } = await listen((request, response) => void answer(request, response));
  return {
    account,
    publicKey,
    metadataHost: url.host,
    iamEndpoint: url,
    state,
    isImpersonated: (token) => impersonated.has(token),
    rulesOf: (token) =>
      tokens.has(token) || impersonated.has(token) ? undefined : (boundaries.get(token) ?? []),
    exchanges,
    revokeTokens: () => tokens.clear(),
    close,
  };
}
