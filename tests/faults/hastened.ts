const FASTER = `const start = globalThis.setInterval;
globalThis.setInterval = (run, wait, ...rest) => start(run, wait / 20, ...rest);`;

/** Variables of a service that does twenty times as often what it does at intervals, such as sweep. */
export const HASTENED = {
  NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(FASTER)}`,
};
