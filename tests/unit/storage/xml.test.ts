import { expect, it } from "vitest";
import { escape, unescape } from "../../../adapters/storage/rest/xml.ts";

it("names are read as a server has escaped them, by a name or by a number, and once", () => {
  expect(
    unescape("it&#39;s &quot;&#34;&apos;&#xfc;&#x1F600;&amp;lt;&lt;&gt; &unknown; &#9999999; &"),
  ).toBe(`it's ""'ü\u{1f600}&lt;<> &unknown; &#9999999; &`);
  for (const name of ["&#39;", "a&b<c>", "&amp;"]) expect(unescape(escape(name))).toBe(name);
});
