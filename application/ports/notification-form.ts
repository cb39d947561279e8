import type * as Effect from "effect/Effect";

/** The form in which a store, or a service behind it, reports new objects. */
export interface NotificationForm {
  /** True if the sender can be configured with only an address, which then contains the secret. */
  readonly secretInQuery: boolean;
  /** Fails for a body of another form. */
  readonly read: (body: unknown) => Effect.Effect<Notification, unknown>;
}

export interface Notification {
  readonly made: ReadonlyArray<MadeObject>;
  /** The answer to a sender that asks for confirmation. */
  readonly answer?: Readonly<Record<string, string>> | undefined;
}

/** A new object; undefined for any other event of the store. */
export type MadeObject = { readonly bucket: string; readonly key: string } | undefined;
