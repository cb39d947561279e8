/** A table whose columns stand below each other, as the formatter writes it. */
export function tableOf(rows: ReadonlyArray<ReadonlyArray<string>>): string {
  const cells = rows.map((row) => row.map((cell) => cell.replaceAll("|", "\\|")));
  const widths = (cells[0] ?? []).map((_, column) =>
    Math.max(...cells.map((row) => row[column]?.length ?? 0)),
  );
  const [head, ...body] = cells.map((row) =>
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0)),
  );
  const rule = widths.map((width) => "-".repeat(width));
  return [head, rule, ...body].map((row) => `| ${row?.join(" | ")} |\n`).join("");
}

/** The text of a page without its code, in which anything may look like a link or a heading. */
export const proseOf = (page: string) => page.replaceAll(/^ *```[^\n]*\n.*?^ *```$/gms, "");
