// Waiting without sleeping: every wait is for something, says for what, and ends.

export const PATIENCE_MS = 10_000;

/** The promise, or a failure that names what did not happen. */
export async function within(promise, what, ms = PATIENCE_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${ms} ms: ${typeof what === 'function' ? what() : what}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asks again, in short intervals, until `ask` gives something true. For what raises no event: files, processes, HTTP state. */
export async function until(ask, what, ms = PATIENCE_MS) {
  const end = Date.now() + ms;
  for (;;) {
    const got = await ask();
    if (got) return got;
    if (end < Date.now()) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The next event of this name, for which `test` holds. Register before the cause. */
export function next(emitter, name, { test = () => true, ms, what = name } = {}) {
  let listen;
  const seen = new Promise((resolve) => {
    listen = (event) => test(event) && resolve(event);
    emitter.on(name, listen);
  });
  return within(seen, `event \`${what}\``, ms).finally(() => emitter.off?.(name, listen));
}

/** Records the SDK events of one object, copied at once: the SDK changes its items in place. */
export function watch(object, names = ['updated', 'removed', 'itemAdded', 'itemUpdated', 'itemRemoved', 'messagePublished', 'failure']) {
  const seen = [];
  const waiters = new Set();
  for (const name of names) {
    object.on(name, (event) => {
      const item = event?.item;
      seen.push(structuredClone({
        name,
        isLocal: event?.isLocal,
        data: item ? item.data : event?.message ? event.message.data : event?.data,
        key: item ? item.key : event?.key,
        index: item ? item.index : event?.index,
        sid: event?.message?.sid,
        previous: event?.previousItemData ?? event?.previousData,
        id: item?.lastEventId,
        status: event?.status,
        code: event?.code,
      }));
      for (const waiter of [...waiters]) waiter();
    });
  }
  return {
    seen,
    /** The first event, past or future, for which `test` holds. */
    until: (test, what, ms) => within(new Promise((resolve) => {
      const look = () => {
        const found = seen.find(test);
        if (!found) return;
        waiters.delete(look);
        resolve(found);
      };
      waiters.add(look);
      look();
    }), () => `SDK event: ${what} (seen: ${JSON.stringify(seen.slice(-5))})`, ms),
  };
}
