// A double of what a machine at Azure asks for access tokens: Microsoft Entra, by a client's secret
// or by the assertion of a workload, and the metadata server of a machine, for its managed identity.
// It can fail and take tokens back.
import { type IncomingMessage, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { listen } from "../support/serve.ts";

/** What the double believes, and what it has been asked so far. */
export interface EntraState {
  readonly tenant: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** What a workload presents; a real one is a JWT that its cluster signs. */
  assertion: string;
  /** Statuses that are answered next. */
  readonly failures: Array<number>;
  /** Seconds for which a token holds. */
  lifetime: number;
  readonly asked: { secret: number; assertion: number; machine: number };
}

/** A listening double. */
export interface Entra {
  /** Of Entra, for `AZURE_AUTHORITY_HOST`; of the metadata server too, where that can be set. */
  readonly endpoint: string;
  readonly state: EntraState;
  /** True for a token that was given out and not taken back. */
  readonly knows: (token: string) => boolean;
  readonly revokeTokens: () => void;
  readonly close: () => Promise<void>;
}

/** Of all doubles of a process, since Microsoft's client keeps one cache for all that it asks. */
const tokens = new Map<string, number>();

const RESOURCE = "https://storage.azure.com";

/** Starts both on one loopback port. */
export async function startEntra(): Promise<Entra> {
  const state: EntraState = {
    tenant: crypto.randomUUID(),
    clientId: crypto.randomUUID(),
    clientSecret: "a-secret-of-the-tests",
    assertion: "a-workload-of-the-tests",
    failures: [],
    lifetime: 3599,
    asked: { secret: 0, assertion: 0, machine: 0 },
  };
  const given: Array<string> = [];
  const give = () => {
    const token = `token-${crypto.randomUUID()}`;
    tokens.set(token, Date.now() + state.lifetime * 1000);
    given.push(token);
    return token;
  };

  /** "Get a token", the client credentials flow of the Microsoft identity platform. */
  const byClient = async (request: IncomingMessage): Promise<Answer> => {
    const form = new URLSearchParams(await text(request));
    const isOurs =
      form.get("grant_type") === "client_credentials" &&
      form.get("client_id") === state.clientId &&
      form.get("scope")?.split(" ")[0] === `${RESOURCE}/.default`;
    const isAssertion = form.get("client_assertion_type") === JWT_BEARER;
    const isTrue = isAssertion
      ? form.get("client_assertion") === state.assertion
      : form.get("client_secret") === state.clientSecret;
    state.asked[isAssertion ? "assertion" : "secret"]++;
    if (!isOurs || !isTrue) return [401, { error: "invalid_client", error_description: "No." }];
    const { lifetime: expires_in } = state;
    return [200, { token_type: "Bearer", expires_in, access_token: give() }];
  };

  /** "How to use managed identities on a virtual machine to acquire an access token". */
  const byMachine = ({ headers, url = "" }: IncomingMessage): Answer => {
    state.asked.machine++;
    const { searchParams } = new URL(url, RESOURCE);
    const resource = searchParams.get("resource")?.replace(/\/$/, "");
    const isAsked = headers["metadata"] === "true" && searchParams.has("api-version");
    if (!isAsked || resource !== RESOURCE) return [400, { error: "invalid_request" }];
    const client = searchParams.get("client_id");
    if (client !== null && client !== state.clientId) return [400, { error: "invalid_request" }];
    const expires_in = `${state.lifetime}`;
    const expires_on = `${Math.floor(Date.now() / 1000) + state.lifetime}`;
    const answer = { access_token: give(), expires_in, expires_on, resource, token_type: "Bearer" };
    return [200, answer];
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method, url = "" } = request;
    const failure = state.failures.shift();
    const [status, body]: Answer =
      failure !== undefined
        ? [failure, {}]
        : method === "POST" && url.split("?")[0] === `/${state.tenant}/oauth2/v2.0/token`
          ? await byClient(request)
          : method === "GET" && /^\/metadata\/identity\/oauth2\/token\/?\?/.test(url)
            ? byMachine(request)
            : [404, {}];
    request.resume();
    response.writeHead(status, { "Content-Type": "application/json; charset=utf-8" });
    response.end(JSON.stringify(body));
  };

  const { url, close } = await listen((request, response) => void answer(request, response));
  return {
    endpoint: url.origin,
    state,
    knows: (token) => (tokens.get(token) ?? 0) > Date.now(),
    revokeTokens: () => {
      for (const token of given) tokens.delete(token);
    },
    close,
  };
}

type Answer = readonly [status: number, body: Readonly<Record<string, unknown>>];

const JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
