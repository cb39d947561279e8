const COMPARISON = "The service compares what arrived with the grant.";

/** Titles and explanations, by the end of the address. */
const STEPS = {
  presign: ["Presign", "The service signs name, type and size."],
  multipart: ["Start", "The service begins an upload in parts."],
  "multipart/parts": ["Sign parts", "The service signs the length of each."],
  "multipart/complete": ["Complete", COMPARISON],
  confirm: ["Confirm", COMPARISON],
};

/**
 * Makes a `fetch` for the upload of one file. It calls `onRequest` with a title, an explanation and
 * a shell command for each request to the service, and for those to the store that follow its
 * answers.
 */
export function recordingFetch({ name }, onRequest) {
  let partSize;
  return async (url, init) => {
    const response = await fetch(url, init);
    const step = STEPS[url.split("/files/")[1]];
    // 202: the request is repeated.
    if (!response.ok || response.status === 202 || !step || init.method !== "POST") return response;
    const answer = await response.clone().json();
    // Parts differ only in their number.
    if (answer.parts?.[0].part_number > 1) return response;
    partSize ??= answer.part_size;
    onRequest(...step, requestTo(url, init));
    const request = storeRequest(quote(name), answer, partSize);
    if (request) onRequest(...request);
    return response;
  };
}

function storeRequest(file, { put_url, put_headers, parts, get_url }, partSize) {
  if (put_url) return ["PUT", "The file goes to the store.", put(file, put_headers, put_url)];
  if (parts) {
    const [{ url, headers }] = parts;
    const command = `head -c ${partSize} ${file} > part\n${put("part", headers, url)}`;
    return ["PUT part 1", "Each part goes to the store.", command];
  }
  return get_url && ["GET", "The store serves the file.", curl("--remote-name", {}, get_url)];
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

/** Quotes a word for a POSIX shell: inside single quotes, only a single quote has a meaning. */
const quote = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
