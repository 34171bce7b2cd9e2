// Live parts: one event stream for all tabs of a browser. The tab that holds the lock has it and tells the others;
// where no stream is to be had, all ask from time to time. Pages listen to `live-…` events of their body.
(() => {
  "use strict";
  if (!document.querySelector("[data-live]") || !window.EventSource) return;
  const ASK_MS = 30000;
  const AGAIN_MS = 60000;
  let missed = false;

  const tell = (name) => {
    if (document.hidden) missed = true;
    else document.body.dispatchEvent(new CustomEvent(`live-${name}`));
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden || !missed) return;
    missed = false;
    tell("refetch");
  });

  // Follow until `ended`; without a stream ask, and try again later.
  const follow = (say, ended) => {
    let source, asking, again;
    const stop = () => {
      if (source) source.close();
      clearInterval(asking);
      clearTimeout(again);
    };
    const start = () => {
      stop();
      source = new EventSource("/live");
      source.addEventListener("news", (event) => say(event.data));
      source.onerror = () => {
        if (source.readyState !== EventSource.CLOSED) return;
        clearInterval(asking);
        asking = setInterval(() => say("refetch"), ASK_MS);
        again = setTimeout(start, AGAIN_MS);
      };
    };
    start();
    ended.then(stop);
  };

  if (navigator.locks && window.BroadcastChannel) {
    const channel = new BroadcastChannel("lockstep-live");
    channel.onmessage = (event) => tell(event.data);
    const say = (name) => {
      tell(name);
      channel.postMessage(name);
    };
    const join = () => {
      const left = new Promise((resolve) => window.addEventListener("pagehide", resolve, { once: true }));
      navigator.locks.request("lockstep-live", () => {
        follow(say, left);
        return left;
      });
      tell("refetch"); // what happened since this page was made is not told by a stream that was open before
    };
    join();
    window.addEventListener("pageshow", (event) => event.persisted && join());
  } else {
    // An old browser, or a page without https: only the tab that is looked at has a stream.
    let end;
    const look = () => {
      if (end) end();
      end = undefined;
      if (!document.hidden) follow(tell, new Promise((resolve) => (end = resolve)));
    };
    document.addEventListener("visibilitychange", look);
    look();
  }
})();
