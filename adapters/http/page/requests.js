/**
 * What the client sends, in words for a shell: the requests to the service as it makes them, and
 * those to the store that the answers are for.
 *
 * @typedef {{ title: string, about: string, command: string }} Shown
 * @typedef {{
 *   name: string, size: number, shown: Shown[], partSize?: number,
 * }} Record What was sent for one file.
 */

/**
 * A `fetch` that records what is sent for which file. Answers have a receipt or an upload, by which
 * the requests that follow are known.
 *
 * @param {(record: Record) => void} onChange
 */
export function recorder(onChange) {
  /** @type {Set<Record>} */
  const waiting = new Set();
  /** @type {Map<string, Record>} */
  const byToken = new Map();

  /** @type {(record: Record | undefined, ...shown: Shown[]) => void} */
  function add(record, ...shown) {
    if (record === undefined) return;
    record.shown.push(...shown);
    onChange(record);
  }

  /** The file that a request asks for; of two that look the same it does not matter which. */
  function take({ filename, size }) {
    for (const record of waiting) {
      if (record.name === filename && record.size === size) {
        waiting.delete(record);
        return record;
      }
    }
    return undefined;
  }

  /** @type {(url: string, init: RequestInit, answer: any) => void} */
  function record(url, init, answer) {
    const asked = typeof init.body === "string" ? JSON.parse(init.body) : {};
    const step = new URL(url).pathname.split("/files/").at(-1);
    const sent = curlOf(url, init);
    if (step === "presign" || step === "batch") {
      const [files, grants] =
        step === "batch" ? [asked.files, answer.uploads] : [[asked], [answer]];
      grants.forEach((grant, index) => {
        const file = take(files[index]);
        if (file === undefined) return;
        byToken.set(grant.receipt, file);
        add(
          file,
          { title: "Presign", about: "The service signs name, type and size.", command: sent },
          { title: "PUT", about: "The file goes to the store.", command: putOf(grant, file.name) },
        );
      });
    } else if (step === "multipart" && init.method === "POST") {
      const file = take(asked);
      if (file === undefined) return;
      byToken.set(answer.upload, file);
      file.partSize = answer.part_size;
      const about = `The service begins an upload of ${answer.part_count} parts.`;
      add(file, { title: "Start", about, command: sent });
    } else if (step === "multipart/parts" && init.method === "POST") {
      const file = byToken.get(asked.upload);
      const [part] = answer.parts;
      if (file === undefined || part.part_number !== 1) return;
      const put = curl("--include --globoff --upload-file part", headersOf(part.headers), part.url);
      add(
        file,
        { title: "Sign parts", about: "The service signs the length of each.", command: sent },
        {
          title: "PUT part 1",
          about: "Each part goes to the store. The others differ in their number only.",
          command: `head -c ${file.partSize} ${quote(file.name)} > part\n${put}`,
        },
      );
    } else if (step === "confirm" || step === "multipart/complete") {
      const file = byToken.get(asked.receipt ?? asked.upload);
      const title = step === "confirm" ? "Confirm" : "Complete";
      add(
        file,
        { title, about: "The service compares what arrived with the grant.", command: sent },
        {
          title: "GET",
          about: "The store serves the file.",
          command: curl("--remote-name", [], answer.get_url),
        },
      );
    }
  }

  return {
    /** @type {(record: Record) => void} */
    expect: (record) => void waiting.add(record),
    /** @type {(record: Record) => void} */
    forget: (record) => void waiting.delete(record),
    /** @type {(url: string, init: RequestInit) => Promise<Response>} */
    fetch: async (url, init) => {
      const response = await fetch(url, init);
      if (response.ok) {
        const answer = await response
          .clone()
          .json()
          .catch(() => undefined);
        if (answer !== undefined) record(url, init, answer);
      }
      return response;
    },
  };
}

/** @type {(url: string, init: RequestInit) => string} */
function curlOf(url, { method, headers, body }) {
  const data = typeof body === "string" ? [`--data ${quote(body)}`] : [];
  const options = [...headersOf(Object.fromEntries(new Headers(headers))), ...data];
  return curl(method === "POST" ? "--include" : `--include --request ${method}`, options, url);
}

const putOf = ({ put_url, put_headers }, name) =>
  curl(`--include --globoff --upload-file ${quote(name)}`, headersOf(put_headers), put_url);

const curl = (first, options, url) => [`curl ${first}`, ...options, quote(url)].join(" \\\n  ");

const headersOf = (headers) =>
  Object.entries(headers).map(([name, value]) => `-H ${quote(`${name}: ${value}`)}`);

/** One word of a POSIX shell: inside single quotes, only a single quote means anything. */
const quote = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
