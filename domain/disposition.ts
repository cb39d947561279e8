import type { FileName } from "./file-name.ts";
import { essence, isExecutable, type MediaType } from "./media-type.ts";

/**
 * Writes the `Content-Disposition` of a stored file (RFC 6266, section 4; RFC 8187, section 3.2 for
 * names beyond ASCII). The file is shown in place, but a type that a browser would execute is
 * always saved; `inlinePdf` lets PDF be shown. Path separators become `_`, so that no client takes
 * the name for a path.
 */
export function contentDisposition(
  contentType: MediaType,
  filename: FileName,
  { inlinePdf = false }: { readonly inlinePdf?: boolean } = {},
): string {
  const isShown = inlinePdf && essence(contentType) === "application/pdf";
  const kind = isExecutable(contentType) && !isShown ? "attachment" : "inline";
  const name = filename.replace(/[/\\]/g, "_");
  if (/^[ !#$&'()+,\-.0-9;=@A-Z[\]^_`a-z{}~]*$/.test(name)) return `${kind}; filename="${name}"`;
  const ascii = name.replace(/[^ !#$&'()+,\-.0-9;=@A-Z[\]^_`a-z{}~]/gu, "_");
  return `${kind}; filename="${ascii}"; filename*=UTF-8''${encodeExtended(name)}`;
}

function encodeExtended(name: string): string {
  return encodeURIComponent(name).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
