// A line to the server that can be cut and mended: what a client lives through in a lift, without harm to the server.

import { connect, createServer } from 'node:net';

export class Cable {
  /** A line to this port of this machine, whole. */
  static async open(port) {
    const cable = new Cable();
    cable.whole = true;
    cable.ends = new Set();
    cable.server = createServer((near) => {
      if (!cable.whole) return near.destroy();
      const far = connect(port, '127.0.0.1');
      for (const [one, other] of [[near, far], [far, near]]) {
        cable.ends.add(one);
        one.setNoDelay(true);
        one.pipe(other);
        one.on('error', () => {});
        one.on('close', () => {
          cable.ends.delete(one);
          other.destroy();
        });
      }
    });
    await new Promise((done) => cable.server.listen(0, '127.0.0.1', done));
    cable.ws = `ws://127.0.0.1:${cable.server.address().port}/v3/wsconnect`;
    return cable;
  }

  /** All connections end at once, and no new one comes through. */
  cut() {
    this.whole = false;
    for (const end of this.ends) end.destroy();
  }

  mend() {
    this.whole = true;
  }

  close() {
    this.cut();
    this.server.close();
  }
}
