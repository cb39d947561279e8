import type * as Effect from "effect/Effect";

/** The form in which a store, or what passes it on, tells of new objects. */
export interface NotificationForm {
  /** True where the sender can be given nothing but an address, which then has the secret. */
  readonly secretInQuery: boolean;
  /** Fails for anything that has another form. */
  readonly read: (body: unknown) => Effect.Effect<Notification, unknown>;
}

export interface Notification {
  readonly made: ReadonlyArray<MadeObject>;
  /** Answered where the sender asks whether it is wanted. */
  readonly answer?: Readonly<Record<string, string>> | undefined;
}

/** An object that was made; undefined for anything else that a store tells. */
export type MadeObject = { readonly bucket: string; readonly key: string } | undefined;
