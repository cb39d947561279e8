import type { EVENTS, EventType } from "../../domain/upload-event.ts";

/** An event. In the package, it is written without Effect: see deploy/declare-operations.ts. */
export type UploadEvent = { readonly id: string } & {
  readonly [Type in EventType]: {
    readonly type: Type;
    readonly timestamp: Date;
    readonly data: Dated<(typeof EVENTS)[Type]["Encoded"]> & AddressesOf<Type>;
  };
}[EventType];

type Dated<Data> = {
  readonly [Name in keyof Data]: Name extends "grantedAt" ? Date : Data[Name];
};

type AddressesOf<Type extends EventType> = (typeof EVENTS)[Type]["fields"] extends {
  readonly key: unknown;
}
  ? { readonly fileUrl?: string; readonly publicUrl?: string }
  : unknown;
