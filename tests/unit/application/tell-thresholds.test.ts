import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { counterIn } from "../../../adapters/limits/usage/counter.ts";
import { ledgerInMemory } from "../../../adapters/limits/usage/memory.ts";
import { tellThresholds } from "../../../application/files/tell-thresholds.ts";
import { Events } from "../../../application/ports/events.ts";
import { Usage } from "../../../application/ports/usage.ts";
import { EventsUnavailable } from "../../../domain/errors.ts";
import { OrganizationId, OrganizationSlug } from "../../../domain/organization.ts";
import { StorageKey } from "../../../domain/storage-key.ts";
import type { UploadEvent } from "../../../domain/upload-event.ts";

const organization = OrganizationId.make("org_1");
const key = StorageKey.make("orgs/org_1/files/2026/11/00000000-0000-4000-8000-000000000000.png");

it.effect("a threshold whose event could not be kept is told with the next file", () =>
  Effect.gen(function* () {
    const counter = counterIn(ledgerInMemory(), { refusesUnknown: false, bytes: 10 });
    const recount = (yield* counter.recount(organization)) ?? expect.unreachable();
    yield* recount.finish;
    yield* counter.stored({ key, size: 10, urlUntil: 0, confirmUntil: 0, isFinal: true });
    const told: Array<UploadEvent> = [];
    let isDown = true;
    const publish = (event: UploadEvent) =>
      isDown
        ? Effect.fail(new EventsUnavailable({ reason: "its disk is full" }))
        : Effect.sync(() => void told.push(event));
    const tell = tellThresholds({ key, slug: OrganizationSlug.make("acme"), subject: "mia" }).pipe(
      Effect.provideService(Usage, counter),
      Effect.provideService(Events, { publish, check: Effect.void }),
    );
    yield* Effect.flip(tell);
    isDown = false;
    yield* tell;
    yield* tell;
    const percents = told.map(({ data }) => "percent" in data && data.percent);
    expect(percents).toEqual([80, 95, 100]);
  }),
);
