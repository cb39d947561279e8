import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { expect } from "vitest";
import { until } from "../support/until.ts";

// Honest clients of a service, and a book of what they were promised: at the end each upload that
// anybody was told to be stored has to be there, byte for byte.

/** A service as its clients know it. */
export interface Target {
  readonly address: string;
  readonly token: string;
}

/** One call of an upload, which gives the status and the code of its answer. */
interface Step {
  readonly name: string;
  readonly run: () => Promise<Answer>;
}

interface Answer {
  readonly status: number;
  readonly code?: string;
}

/** An upload that stands at one of its steps. */
export interface Upload {
  readonly key: () => string;
  readonly bytes: Buffer;
  readonly steps: ReadonlyArray<Step>;
  done: number;
  /** Whether a store or the service has said that it has all bytes. */
  acknowledged: boolean;
  /** What each confirm has answered. */
  readonly answers: Array<string>;
}

/** Answers that a step may have, such as `200` or `503 STORE_UNAVAILABLE`; `none` is no answer. */
export type Allowed = Readonly<Record<string, ReadonlyArray<string>>>;

/** The answers of a service that fails nowhere. */
const WELL: Allowed = {
  presign: ["200"],
  put: ["200"],
  confirm: ["200"],
  start: ["200"],
  sign: ["200"],
  part: ["200"],
  complete: ["200"],
  read: ["200"],
};

const LATE = ["200", "503 LIMITS_UNAVAILABLE"];

/** The same with a Redis that counts: on a busy machine it may take longer than a request waits. */
export const COUNTED: Allowed = {
  presign: LATE,
  confirm: LATE,
  start: LATE,
  sign: LATE,
  complete: LATE,
};

interface Asked {
  readonly size?: number;
  /** Further members of the request. */
  readonly asked?: object;
  /** Whether it becomes a file only when it is confirmed. */
  readonly waits?: boolean;
}

export class Ledger {
  readonly uploads: Array<Upload> = [];
  /** When an answer was last another than without a fault, by `performance.now()`. */
  failedAt = 0;
  readonly #target: () => Target;
  readonly #counts = new Map<string, number>();
  /** Answers that were not allowed. */
  readonly wrong: Array<string> = [];
  #allowed = WELL;

  /** `target` is asked for each call: a service may come back at another place. */
  constructor(target: () => Target) {
    this.#target = target;
  }

  /** The answers that are right from now on; a step that is not named is as it is without a fault. */
  allow(allowed: Allowed): void {
    this.#allowed = { ...WELL, ...allowed };
  }

  /** How often a step was answered so far: `confirm` by anything, or `confirm 200` by that. */
  count(asked: string): number {
    const counts = [...this.#counts].filter(([name]) => `${name} `.startsWith(`${asked} `));
    return counts.reduce((sum, [, count]) => sum + count, 0);
  }

  /** An upload in one PUT. */
  file({ size = 2000, asked = {}, waits = false }: Asked = {}) {
    const bytes = randomBytes(size);
    let granted = { key: "", put_url: "", put_headers: {}, receipt: "" };
    const steps: ReadonlyArray<Step> = [
      this.#call(
        "presign",
        "POST",
        () => ["presign", { ...described(size), ...asked }],
        (body) => {
          granted = body as typeof granted;
        },
      ),
      this.#sent(
        "put",
        () => ({ url: granted.put_url, headers: granted.put_headers, bytes }),
        () => {
          upload.acknowledged ||= !waits;
        },
      ),
      this.#call(
        "confirm",
        "POST",
        () => ["confirm", { receipt: granted.receipt }],
        (body) => {
          upload.acknowledged = true;
          upload.answers.push(lasting(body));
        },
      ),
    ];
    const upload = this.#begin({ key: () => granted.key, bytes, steps });
    return upload;
  }

  #begin(begun: Pick<Upload, "key" | "bytes" | "steps">): Upload {
    const upload = { ...begun, done: 0, acknowledged: false, answers: [] };
    this.uploads.push(upload);
    return upload;
  }

  /** An upload in parts, of 5 MiB each but for the last. */
  parts({ size = 2000, asked = {} }: Asked = {}) {
    const bytes = randomBytes(size);
    const count = Math.ceil(size / PART_SIZE);
    const numbers = Array.from({ length: count }, (_, index) => index + 1);
    let started = { key: "", upload: "" };
    let signed: ReadonlyArray<{ readonly url: string; readonly headers: Record<string, string> }> =
      [];
    const etags: Array<string> = [];
    const steps: ReadonlyArray<Step> = [
      this.#call(
        "start",
        "POST",
        () => ["multipart", { ...described(size), ...asked }],
        (body) => {
          started = body as typeof started;
        },
      ),
      this.#call(
        "sign",
        "POST",
        () => ["multipart/parts", { upload: started.upload, part_numbers: numbers }],
        (body) => {
          ({ parts: signed } = body as { parts: typeof signed });
        },
      ),
      ...numbers.map((number) =>
        this.#sent(
          "part",
          () => ({
            url: signed[number - 1]?.url ?? "",
            headers: signed[number - 1]?.headers ?? {},
            bytes: bytes.subarray((number - 1) * PART_SIZE, number * PART_SIZE),
          }),
          (headers) => (etags[number - 1] = headers.get("etag") ?? ""),
        ),
      ),
      this.#call(
        "complete",
        "POST",
        () => {
          const parts = numbers.map((number) => ({ part_number: number, etag: etags[number - 1] }));
          return ["multipart/complete", { upload: started.upload, parts }];
        },
        (body) => {
          upload.acknowledged = true;
          upload.answers.push(lasting(body));
        },
      ),
    ];
    const upload = this.#begin({ key: () => started.key, bytes, steps });
    return upload;
  }

  /** Goes on with an upload until a step is refused, and says whether none was. */
  async advance(upload: Upload, steps = upload.steps.length): Promise<boolean> {
    while (upload.done < steps) {
      const { name, run } = upload.steps[upload.done] ?? expect.unreachable();
      const answer = await run();
      if (!this.#write(name, answer)) {
        // A URL that has expired is asked for anew: by a presign, or for the parts alone.
        if (answer.status === 403) upload.done = name === "part" ? 1 : 0;
        return false;
      }
      upload.done += 1;
    }
    return true;
  }

  /** Repeats the last step of an upload, which has the same answer each time. */
  async repeat(upload: Upload): Promise<void> {
    upload.done = upload.steps.length - 1;
    await this.settle();
    expect(new Set(upload.answers).size, upload.answers.join("\n")).toBe(1);
  }

  /** Sends a file once more by the URL that was given for it. */
  async repeatPut(upload: Upload): Promise<void> {
    upload.done = 1;
    expect(await this.advance(upload, 2), this.summary()).toBe(true);
  }

  /** Leaves out an upload that was never granted. */
  forget(upload: Upload): void {
    this.uploads.splice(this.uploads.indexOf(upload), 1);
  }

  /** Repeats the step at which each upload stands, as a client does, until all are done. */
  async settle(): Promise<void> {
    const open = this.uploads.filter(({ done, steps }) => done < steps.length);
    const again = async (upload: Upload) =>
      (await this.advance(upload)) ? true : pause(500, undefined);
    try {
      await Promise.all(open.map((upload) => until("its end", () => again(upload))));
    } catch (cause) {
      throw new Error(`an upload does not end; so far: ${this.summary()}`, { cause });
    }
  }

  /**
   * Reads every upload again, and gives the number of those that were acknowledged and are not whole,
   * or were not and are there in part.
   */
  async lost(): Promise<number> {
    let lost = 0;
    for (const { key, bytes, acknowledged } of this.uploads) {
      if (key() === "") continue;
      const found = await this.read(key());
      if (found === undefined ? acknowledged : !bytes.equals(found)) lost += 1;
    }
    return lost;
  }

  /** What is stored under a key, by the service's own address of it. */
  async read(key: string): Promise<Buffer | undefined> {
    const { address, token } = this.#target();
    const [, organization, year, month, name] =
      /^orgs\/([^/]+)\/files\/(\d+)\/(\d+)\/(.+)$/.exec(key) ?? [];
    // A busy machine can keep Redis from an answer in time, after a fault too.
    const opened = await until("an answer other than 503", async () => {
      const answer = await fetch(
        `${address}/api/v1/orgs/${organization}/files/${year}/${month}/${name}`,
        { headers: { Authorization: `Bearer ${token}` }, redirect: "manual" },
      );
      return answer.status === 503 ? pause(500, undefined) : answer;
    });
    if (opened.status === 404) return undefined;
    expect(opened.status).toBe(302);
    const stored = await fetch(opened.headers.get("location") ?? "");
    if (stored.status === 404) return undefined;
    expect(stored.status).toBe(200);
    return Buffer.from(await stored.arrayBuffer());
  }

  /** How many answers there were of each kind. */
  summary(): string {
    return [...this.#counts]
      .map(([name, count]) => `${count} ${name}`)
      .toSorted()
      .join(", ");
  }

  #write(step: string, { status, code }: Answer): boolean {
    const answer =
      status === 0 ? "none" : [status, ...(code === undefined ? [] : [code])].join(" ");
    const name = `${step} ${answer}`;
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
    if (this.#allowed[step]?.includes(answer) !== true) this.wrong.push(name);
    if (WELL[step]?.includes(answer) !== true) this.failedAt = performance.now();
    // It was written once already, by a PUT whose answer was lost: confirm has to find it.
    return isDone(status) || status === 412;
  }

  #call(
    name: string,
    method: string,
    request: () => readonly [path: string, body: object],
    onSuccess: (body: unknown) => void,
  ): Step {
    const run = async () => {
      const { address, token } = this.#target();
      const [path, body] = request();
      const answer = await fetch(`${address}/api/v1/orgs/acme/files/${path}`, {
        method,
        headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(LONGEST_WAIT),
      });
      const { status } = answer;
      const told = await answer.json();
      if (isDone(status)) onSuccess(told);
      return isDone(status) ? { status } : { status, code: told.code };
    };
    return { name, run: () => run().catch(NO_ANSWER) };
  }

  #sent(
    name: string,
    request: () => { readonly url: string; readonly headers: object; readonly bytes: Buffer },
    onSuccess: (headers: Headers) => void,
  ): Step {
    const run = async () => {
      const { url, headers, bytes } = request();
      const body = new Blob([Uint8Array.from(bytes)]);
      const signal = AbortSignal.timeout(LONGEST_WAIT);
      const answer = await fetch(url, { method: "PUT", headers: { ...headers }, body, signal });
      const told = await answer.text();
      if (answer.ok) onSuccess(answer.headers);
      const code = /<Code>(\w+)</.exec(told)?.[1];
      return { status: answer.status, ...(code === undefined ? {} : { code }) };
    };
    return { name, run: () => run().catch(NO_ANSWER) };
  }
}

/** 202 says that the file is not ready yet. */
const isDone = (status: number) => status >= 200 && status < 300 && status !== 202;

/** Of the answer to a confirm, what has to be the same each time. */
const lasting = (body: unknown) =>
  JSON.stringify({ ...(body as object), get_url: "", get_expires_at: "", receipt: "" });

/** In milliseconds; a client whose connection nobody accepted tries another. */
const LONGEST_WAIT = 60_000;

const PART_SIZE = 5 * 1024 * 1024;

const NO_ANSWER = () => ({ status: 0 });

const described = (size: number) => ({ filename: "a.png", content_type: "image/png", size });
