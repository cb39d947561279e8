/**
 * Loads each name once for all callers: many simultaneous requests would otherwise each hold a
 * copy. A failure is not kept, so the next caller tries again.
 */
export function loadOnce<A>(load: (name: string) => Promise<A>): (name: string) => Promise<A> {
  const held = new Map<string, Promise<A>>();
  return (name) => {
    const loading = held.get(name) ?? load(name);
    if (!held.has(name)) {
      held.set(name, loading);
      loading.catch(() => held.delete(name));
    }
    return loading;
  };
}
