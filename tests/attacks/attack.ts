import { parse } from "content-disposition";
import { expect } from "vitest";
import type { Issuer } from "../support/issuer.ts";
import type { ServiceProcess } from "../support/service-process.ts";
import type { Pieces, RawAnswer } from "./raw-request.ts";

/** The services that are attacked, and the issuer of the tokens. */
export interface Site {
  /** `AUTH=dev`: answers this machine only, and every organization exists. */
  readonly dev: ServiceProcess;
  /** `AUTH=jwt`: trusts `issuer`. */
  readonly jwt: ServiceProcess;
  readonly issuer: Issuer;
}

/** One row of a table: what is hostile about a request, where it is sent, and its outcome. */
export interface Attack {
  readonly input: string;
  readonly to: "dev" | "jwt";
  readonly request: (site: Site) => Pieces | Promise<Pieces>;
  readonly outcome: Outcome;
}

/** The outcome of an attack, in words and as a check; the words end the name of the test. */
export interface Outcome {
  readonly says: string;
  readonly check: (answer: RawAnswer) => void;
}

/** Refused with a status, and with a problem document if a `code` is given. */
export const refused = (status: number, code?: string): Outcome => ({
  says: `is refused with ${status} ${code ?? ""}`.trimEnd(),
  check: (answer) => {
    expect(answer.status, answer.text).toBe(status);
    if (code === undefined) return;
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect(JSON.parse(answer.body)).toMatchObject({ status, code });
  },
});

/** Refused with any 4xx status, since several things are wrong with the request. */
export const refusedAnyhow: Outcome = {
  says: "is refused",
  check: ({ status, text }) => {
    expect(status, text).toBeGreaterThanOrEqual(400);
    expect(status, text).toBeLessThan(500);
  },
};

/** Not found, in the same words whether it does not exist or belongs to somebody else. */
export const notFound: Outcome = {
  says: "is answered with 404, like something that does not exist",
  check: (answer) => {
    expect(answer.status, answer.text).toBe(404);
    expect(JSON.parse(answer.body)).toEqual({
      title: "Nothing was found at this address",
      status: 404,
      detail:
        "Check the path, the name of the organization in it, and that you belong to that organization. A receipt or upload works only in its own organization, for the caller it was given to, and until its file is removed.",
      code: "NOT_FOUND",
    });
  },
};

/** Not found, since the service has no such address for anybody. */
export const unknownAddress: Outcome = {
  says: "is answered with 404, as every address that the service does not have",
  check: (answer) => {
    expect(answer.status, answer.text).toBe(404);
    expect(JSON.parse(answer.body)).toMatchObject({
      title: "The service has no such address",
      code: "NOT_FOUND",
    });
  },
};

/** Answered with a status; the rest of the answer is not looked at. */
export const answered = (status: number): Outcome => ({
  says: `is answered with ${status}`,
  check: (answer) => expect(answer.status, answer.text).toBe(status),
});

/** Ended by the service without an answer. */
export const ended: Outcome = {
  says: "gets its connection closed without an answer",
  check: (answer) => expect(answer.text).toBe(""),
};

/**
 * Accepted and harmless: the service makes the key, with nothing of the input but a known extension;
 * the type is signed as it was sent; and a browser saves the file under `name`.
 */
export function granted(
  file: { readonly extension?: string; readonly name?: string; readonly type?: string } = {},
): Outcome {
  const { extension = "png", name = "a.png", type = "image/png" } = file;
  return {
    says: `is stored as uuid.${extension}, ${type}, and saved as ${JSON.stringify(name)}`,
    check: (answer) => {
      expect(answer.status, answer.text).toBe(200);
      const { key, put_url, get_url, put_headers } = JSON.parse(answer.body);
      const [path, ending] = key.split(".");
      expect(path).toMatch(KEY);
      expect(ending).toBe(extension);
      expect(key).toBe(`${path}.${extension}`);
      for (const url of [put_url, get_url]) {
        expect(new URL(url).pathname).toBe(`/store/files/${key}`);
      }
      expect(put_headers).toEqual({ "Content-Type": type });
      const query = new URL(get_url).searchParams;
      expect(query.get("response-content-type")).toBe(type);
      const disposition = query.get("response-content-disposition") ?? "";
      expect(disposition).toMatch(/^(?:inline|attachment); filename="[ -~]*$/);
      expect(parse(disposition).parameters["filename"]).toBe(name);
    },
  };
}

const KEY =
  /^orgs\/acme\/files\/\d{4}\/(?:0[1-9]|1[0-2])\/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

export const PRESIGN = "/api/v1/orgs/acme/files/presign";

/** A file that every service here accepts. */
export const good = { filename: "a.png", content_type: "image/png", size: 5 };

/** A request as it is sent; it asks the service to close the connection after the answer. */
export function wire(request: {
  readonly line?: string;
  readonly host: string;
  /** Lines, each without its end. */
  readonly headers?: ReadonlyArray<string>;
  readonly body?: Uint8Array | string;
  /** The headers that tell the body's length; `Content-Length` if undefined. */
  readonly framing?: ReadonlyArray<string>;
}): Pieces {
  const { line = `POST ${PRESIGN} HTTP/1.1`, host, headers = [], body = "" } = request;
  const { framing = [`Content-Length: ${Buffer.byteLength(body)}`] } = request;
  const lines = [line, `Host: ${host}`, ...headers, ...framing, "Connection: close"];
  return [Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), body];
}

export const JSON_TYPE = "Content-Type: application/json";
export const hostOf = ({ address }: ServiceProcess) => new URL(address).host;
export const bearer = (token: string) => `Authorization: Bearer ${token}`;

/** A presign request of a person in development; `body` is sent as JSON unless it is text. */
export const presign = (
  dev: ServiceProcess,
  body: unknown = good,
  { path = PRESIGN, headers = [] }: { path?: string; headers?: ReadonlyArray<string> } = {},
): Pieces =>
  wire({
    line: `POST ${path} HTTP/1.1`,
    host: hostOf(dev),
    headers: [bearer(dev.token), JSON_TYPE, ...headers],
    body: typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body),
  });
