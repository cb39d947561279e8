import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { ByteSize } from "../../../domain/byte-size.ts";
import { FileTooLarge, MediaTypeNotAllowed } from "../../../domain/errors.ts";
import { FileName } from "../../../domain/file-name.ts";
import { mediaTypeByExtension, MediaType } from "../../../domain/media-type.ts";
import {
  allowedByExtension,
  AllowedType,
  authorize,
  defaultPolicy,
} from "../../../domain/upload-policy.ts";

const request = (contentType: string, size: number) => ({
  filename: FileName.make("a"),
  contentType: MediaType.make(contentType),
  size: ByteSize.make(size),
  strict: false,
});
const MAX = 10 * 1024 * 1024;

it.effect("a file of the largest size is granted as requested", () =>
  Effect.gen(function* () {
    const grant = yield* authorize(defaultPolicy, "user", request("Image/PNG", MAX));
    expect(grant).toEqual(request("Image/PNG", MAX));
  }),
);

it.effect("one byte more is refused with the limit", () =>
  Effect.gen(function* () {
    const refusal = yield* Effect.flip(
      authorize(defaultPolicy, "user", request("image/png", MAX + 1)),
    );
    expect(refusal).toEqual(new FileTooLarge({ limit: MAX, actual: MAX + 1 }));
  }),
);

it.effect("a type that is not allowed is refused with those that are", () =>
  Effect.gen(function* () {
    const refusal = yield* Effect.flip(authorize(defaultPolicy, "user", request("text/html", 1)));
    expect(refusal).toEqual(
      new MediaTypeNotAllowed({
        actual: "text/html",
        allowed: defaultPolicy.allowedTypes,
        isPublic: false,
      }),
    );
  }),
);

it.effect.each([
  { rule: "image/*", type: "image/svg+xml", allowed: true },
  { rule: "image/*", type: "IMAGE/PNG;charset=x", allowed: true },
  { rule: "image/*", type: "imagex/png", allowed: false },
  { rule: "image/*", type: "text/image", allowed: false },
  { rule: "image/png", type: "image/png", allowed: true },
  { rule: "image/png", type: "Image/PNG; charset=x", allowed: true },
  { rule: "image/png", type: "image/pngx", allowed: false },
  { rule: "image/png", type: "image/jpeg", allowed: false },
  { rule: "image/svg+xml", type: "image/svgxxml", allowed: false },
])("the rule $rule allows $type: $allowed", ({ rule, type, allowed }) =>
  Effect.gen(function* () {
    const policy = { ...defaultPolicy, allowedTypes: [AllowedType.make(rule)] };
    const granted = yield* Effect.match(authorize(policy, "user", request(type, 1)), {
      onSuccess: () => true,
      onFailure: () => false,
    });
    expect(granted).toBe(allowed);
  }),
);

const extensionsOf = (...allowed: ReadonlyArray<string>) =>
  allowedByExtension({
    allowedTypes: allowed.map((type) => AllowedType.make(type)),
    public: false,
  });

it.each(["image/*", "audio/*", "video/*"])(
  "each extension of %s stands for its usual type if that is allowed",
  (allowed) => {
    const usual = [...extensionsOf(allowed)].flatMap(([ending, type]) => {
      const expected = mediaTypeByExtension(ending.slice(1));
      return expected?.startsWith(allowed.slice(0, -1)) ? [{ type, expected }] : [];
    });
    expect(usual.length).toBeGreaterThan(40);
    expect(usual.map(({ type }) => type)).toEqual(usual.map(({ expected }) => expected));
  },
);

const typeOfMp4 = (...allowed: ReadonlyArray<string>) => extensionsOf(...allowed).get(".mp4");

it("an extension of several allowed types is of the usual one, and of another where that is not allowed", () => {
  expect(typeOfMp4("application/mp4")).toBe("application/mp4");
  expect(typeOfMp4("application/mp4", "video/mp4")).toBe("video/mp4");
  expect(typeOfMp4("video/mp4", "application/mp4")).toBe("video/mp4");
  expect(typeOfMp4("image/*")).toBeUndefined();
});
