import { type ByHand, fill } from "../by-hand.ts";
import texts from "./by-hand.json" with { type: "json" };
import role from "./role.json" with { type: "json" };

export const { notifications } = texts;

/** Has one policy, since one identity signs everything. */
export const policyFor: ByHand["policyFor"] = ({ bucket }) => ({
  command: () => fill(texts.policy, { bucket }),
  all: role,
});

export const trustBy = (application: string | undefined) => (principal: string) => ({
  command: `az ad sp create --id ${application ?? principal}, in the tenant`,
});
