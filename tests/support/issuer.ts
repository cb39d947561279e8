import { exportJWK, exportSPKI, generateKeyPair, type GenerateKeyPairResult, SignJWT } from "jose";
import { listen } from "./serve.ts";

/** An identity provider as small as one can be, on this machine. */
export interface Issuer {
  /** Its origin, which is also what it calls itself in `iss`. */
  readonly url: string;
  readonly jwksUrl: string;
  /** The RSA key of the moment, as whoever wants to verify may have it. */
  readonly publicPem: string;
  /**
   * A token that is good for ten minutes, unless `claims` say otherwise; a claim of `undefined`
   * is left out. Signed with RS256, or with the `alg` of `header`, which may be ES256.
   */
  readonly sign: (
    claims?: Readonly<Record<string, unknown>>,
    header?: Readonly<Record<string, unknown>>,
  ) => Promise<string>;
  /** Signs with new keys from now on, and publishes these alone. */
  readonly rotate: () => Promise<void>;
  /** Answers 500 while it is down. */
  readonly setDown: (down: boolean) => void;
  /** How often its keys have been asked for. */
  readonly requests: () => number;
  readonly stop: () => Promise<void>;
}

/** Starts an issuer with an RSA and an EC key on a free port; each `name` has keys of its own. */
export async function startIssuer(name = "issuer"): Promise<Issuer> {
  let keys = await makeKeys(name, 1);
  let isDown = false;
  let requests = 0;
  const { url, close } = await listen((request, response) => {
    const isFound = request.url === "/jwks.json";
    if (isFound) requests += 1;
    response.statusCode = isDown ? 500 : isFound ? 200 : 404;
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify(response.statusCode === 200 ? { keys: keys.published } : {}));
  });
  return {
    url: url.origin,
    jwksUrl: `${url.origin}/jwks.json`,
    get publicPem() {
      return keys.publicPem;
    },
    sign: (claims = {}, header = {}) => {
      const alg = header["alg"] === "ES256" ? "ES256" : "RS256";
      const { kid, privateKey } = keys.signing[alg];
      const payload = {
        iss: url.origin,
        aud: "valetkey",
        sub: "user-1",
        organizations: ["acme"],
        exp: Math.floor(Date.now() / 1000) + 600,
        ...claims,
      };
      // Without this the library would not sign what it does not understand.
      const understood = [header["crit"] ?? []].flat().map((name) => [String(name), true]);
      return new SignJWT(payload)
        .setProtectedHeader({ kid, ...header, alg })
        .sign(privateKey, { crit: Object.fromEntries(understood) });
    },
    rotate: async () => {
      keys = await makeKeys(name, keys.generation + 1);
    },
    setDown: (down) => (isDown = down),
    requests: () => requests,
    stop: close,
  };
}

/** What was made once in this process: an RSA key takes a third of a second. */
const made = new Map<string, ReturnType<typeof generate>>();

function makeKeys(name: string, generation: number) {
  const known = made.get(`${name} ${generation}`) ?? generate(generation);
  made.set(`${name} ${generation}`, known);
  return known;
}

async function generate(generation: number) {
  const rsa = await makeKey("RS256", generation);
  const ec = await makeKey("ES256", generation);
  return {
    generation,
    publicPem: await exportSPKI(rsa.publicKey),
    published: await Promise.all([rsa, ec].map(publish)),
    signing: { RS256: rsa, ES256: ec },
  };
}

/** A key with the id by which tokens name it. */
type Key = GenerateKeyPairResult & { readonly alg: string; readonly kid: string };

const makeKey = async (alg: string, generation: number): Promise<Key> => ({
  ...(await generateKeyPair(alg, { extractable: true })),
  alg,
  kid: `${alg.toLowerCase()}-${generation}`,
});

const publish = async ({ publicKey, alg, kid }: Key) => ({
  ...(await exportJWK(publicKey)),
  alg,
  kid,
  use: "sig",
});
