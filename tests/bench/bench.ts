// `npm run bench -- NAME [options]`: runs one of these programs, and the first where none is named.
const PROGRAMS = {
  compare: "what requests and signatures cost, beside others; --help has its options",
  calls:
    "the functions that one presign enters and the bytes it allocates, alike on every host; --each",
  confirm:
    "what a confirm costs by store and arrival, beside the same by hand; --help has its options",
  stores: "what a thousand stores in one process cost; --help has its options",
  speed:
    "what a person waits for: files from Chromium to a store that is far; --help has its options",
  lines: "uploads over lines that fail, by our client and by others; --help has its options",
  soak: "an hour of mixed traffic with rotating keys and faults; --quick, --minutes, --rate, --leak, --write",
};

const named = process.argv[2]?.startsWith("--") ? undefined : process.argv[2];
// Each program reads the options that come after its name.
if (named !== undefined) process.argv.splice(2, 1);

if (named === undefined && process.argv[2] === "--help") {
  for (const [name, purpose] of Object.entries(PROGRAMS)) console.log(name.padEnd(9), purpose);
} else if (Object.hasOwn(PROGRAMS, named ?? "compare")) {
  await import(`./${named ?? "compare"}.ts`);
} else {
  const names = Object.keys(PROGRAMS).join(", ");
  console.error(`there is no benchmark ${named}; there are ${names}`);
  process.exitCode = 64;
}
