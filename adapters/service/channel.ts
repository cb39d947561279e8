import type { ChildProcess } from "node:child_process";

interface Message {
  readonly id: number;
  /** An answer has none. */
  readonly question?: string;
  readonly value?: unknown;
}

export type Channel = ReturnType<typeof openChannel>;

/** Exchanges questions between the first process and a worker, each with one answer. */
export function openChannel(peer: NodeJS.Process | ChildProcess) {
  const replies = new Map<string, (value: never) => unknown>();
  const waiting = new Map<number, (value?: unknown) => void>();
  let last = 0;
  // The other process may just have ended.
  const send = (message: Message) =>
    void (peer.connected && peer.send?.(message, undefined, undefined, () => undefined));
  const hear = async ({ id, question, value }: Message) => {
    if (question === undefined) return waiting.get(id)?.(value);
    send({ id, value: await replies.get(question)?.(value as never) });
  };
  peer.on("message", hear);
  peer.on("exit", () => waiting.forEach((resolve) => resolve()));
  return {
    answer: <A>(question: string, reply: (value: A) => unknown) =>
      void replies.set(question, reply),
    /** Resolves to undefined if the process ends, and to `late` after a time-out in milliseconds. */
    ask: async <A>(question: string, timeout: number, late: A, value?: unknown) => {
      const id = ++last;
      const answered = new Promise<unknown>((resolve) => {
        waiting.set(id, resolve);
        setTimeout(resolve, timeout, late).unref();
        send({ id, question, value });
      });
      return answered.finally(() => waiting.delete(id)) as Promise<A | undefined>;
    },
  };
}
