import * as Effect from "effect/Effect";
import { followLink } from "../../../application/files/follow-link.ts";
import { keptByBrowser, redirect } from "../answer.ts";
import { REDIRECT, SHOWN, shownAs } from "./open-file.ts";
import { publicRoute } from "./operation.ts";

/**
 * Opens a file for the holder of a link. Clients may not cache the answer, so that a link stops
 * working as soon as it is revoked. Each opening is logged, since the caller is unknown and the
 * audit may be off.
 */
export const followLinkRoute = publicRoute({
  action: "follow",
  methods: ["GET"],
  path: "/f/:token",
  text: {
    operationId: "followLink",
    tag: "links",
    summary: "Open a file by its link",
    parameters: SHOWN,
    answers: REDIRECT,
  },
  handler: Effect.fnUntraced(function* ({ c, call, requestId, recordFacts }) {
    const token = c.req.param("token") ?? "";
    const { key, policy, get } = yield* followLink(token, shownAs(c), recordFacts);
    yield* Effect.logInfo("link opened", { requestId, address: call.client, key, policy });
    return redirect(get.url, keptByBrowser(0));
  }),
  refusals: {
    LinkNotFound: true,
    WidthNotAllowed: true,
    CredentialsUnavailable: true,
    IdentityUnavailable: true,
    StoreUnavailable: true,
  },
});
