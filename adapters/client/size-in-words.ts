const UNITS = ["kilobyte", "megabyte", "gigabyte"];

/**
 * Returns a size for a person: as it was set, if that was in MiB or MB, else with three digits, in
 * the person's language.
 */
export function sizeInWords(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const isBinary = bytes % 2 ** 20 === 0 || (bytes % 1024 === 0 && bytes % 1000 !== 0);
  const digits = isBinary ? Math.log2(bytes) / 10 : Math.log10(bytes) / 3;
  const power = Math.max(1, Math.min(3, Math.floor(digits)));
  if (isBinary) return `${(bytes / 1024 ** power).toLocaleString()} ${" KMG"[power]}iB`;
  const format = { style: "unit", unit: UNITS[power - 1], maximumSignificantDigits: 3 } as const;
  return (bytes / 1000 ** power).toLocaleString([], format);
}
