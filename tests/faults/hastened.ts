const FASTER = `const start = globalThis.setInterval;
globalThis.setInterval = (run, wait, ...rest) =>
  start(run, wait >= 60_000 ? wait / 20 : wait, ...rest);`;

/** Variables of a service that does twenty times as often what it does once a minute, such as sweep. */
export const HASTENED = {
  NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(FASTER)}`,
};
