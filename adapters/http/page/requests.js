const GRANT = ["Presign", "The service signs name, type and size."];
const COMPARISON = "The service compares what arrived with the grant.";

/** Titles and explanations, by the end of the address. */
const STEPS = {
  presign: GRANT,
  batch: GRANT,
  multipart: ["Start", "The service begins an upload in parts."],
  "multipart/parts": ["Sign parts", "The service signs the length of each."],
  "multipart/complete": ["Complete", COMPARISON],
  confirm: ["Confirm", COMPARISON],
};

/**
 * Makes a `fetch` that adds to uploads what is sent for them, as commands for a shell: requests to
 * the service, and those to the store that the answers are for. `findUpload` finds an upload by name
 * and size for which nothing was sent yet.
 */
export function recordingFetch(findUpload, onChange) {
  /** The uploads by the receipt or the token that their requests have. */
  const known = new Map();
  return async (url, init) => {
    const response = await fetch(url, init);
    const step = STEPS[url.split("/files/")[1]];
    // 202: it is asked again.
    if (!response.ok || response.status === 202 || !step || init.method !== "POST") return response;
    const answer = await response.clone().json();
    const asked = JSON.parse(init.body);
    for (const [index, each] of (answer.uploads ?? [answer]).entries()) {
      const file = asked.files?.[index] ?? asked;
      const token = file.receipt ?? file.upload ?? each.receipt ?? each.upload;
      if (file.filename) known.set(token, findUpload(file.filename, file.size));
      const upload = known.get(token);
      // Parts differ in their number only.
      if (!upload || each.parts?.[0].part_number > 1) continue;
      upload.partSize ??= each.part_size;
      upload.requests.push([...step, requestTo(url, init)], ...storeRequests(upload, each));
      onChange(upload);
    }
    return response;
  };
}

function storeRequests({ name, partSize }, { put_url, put_headers, parts, get_url }) {
  if (put_url) {
    return [["PUT", "The file goes to the store.", put(quote(name), put_headers, put_url)]];
  }
  if (parts) {
    const [{ url, headers }] = parts;
    const command = `head -c ${partSize} ${quote(name)} > part\n${put("part", headers, url)}`;
    return [["PUT part 1", "Each part goes to the store.", command]];
  }
  return get_url ? [["GET", "The store serves the file.", curl("--remote-name", {}, get_url)]] : [];
}

const requestTo = (url, { headers, body }) =>
  curl(`--include --data ${quote(body)}`, Object.fromEntries(headers), url);

const put = (file, headers, url) => curl(`--include --globoff --upload-file ${file}`, headers, url);

const curl = (options, headers, url) =>
  [
    `curl ${options}`,
    ...Object.entries(headers).map(([name, value]) => `-H ${quote(`${name}: ${value}`)}`),
    quote(url),
  ].join(" \\\n  ");

/** One word of a POSIX shell: inside single quotes, only a single quote means anything. */
const quote = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
