import { abilitiesWithout } from "../../../application/ports/abilities.ts";

export const EMBEDDED_ABILITIES = abilitiesWithout("versions", "scan tags", "scoped credentials");
