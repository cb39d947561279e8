import { abilitiesWithout } from "../../../application/ports/abilities.ts";
import { S3_LIMITS, SMALL_PART } from "../known.ts";

export const EMBEDDED_ABILITIES = abilitiesWithout("versions", "scan tags", "scoped credentials");

export const EMBEDDED_LIMITS = { ...S3_LIMITS, smallestPart: SMALL_PART };
