import { snakeCase } from "../../values/names.ts";

/** The words of problems for a request: those of the API, or of the package. */
export interface Language {
  readonly input: string;
  readonly member: (name: string) => string;
  readonly operation: (name: keyof typeof ROUTES) => string;
  /** The title of a missing place, and advice for it. */
  readonly notFound: { readonly title: string; readonly check: string };
}

/** The method and path of the operations that sentences name, by their calls. */
export const ROUTES = {
  requestUpload: "POST …/presign",
  startMultipart: "POST …/multipart",
  credentials: "POST …/credentials",
  listParts: "GET …/multipart/parts",
} as const;

export const WIRE: Language = {
  input: "The request body",
  member: snakeCase,
  operation: (name) => ROUTES[name],
  notFound: {
    title: "Nothing was found at this address",
    check:
      "Check the path, the name of the organization in it, and that you belong to that organization.",
  },
};

export const CALLS: Language = {
  input: "The input",
  member: (name) => name,
  operation: (name) => name,
  notFound: {
    title: "Nothing was found",
    check: "Check the key, the name of the organization, and that the caller belongs to it.",
  },
};
