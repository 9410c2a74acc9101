// Asks one thing at a time. Pure.

/**
 * @param tell hears `{data, error}` of every answer (without `data` where the request failed)
 * @returns {{ask, forget}} what is asked while a request is under way is asked once more when it is
 *   answered; answers to what was asked before `forget` are dropped
 */
export function asking(tell) {
  let turn = 0;
  let under = null; // the promise of what is under way
  let due = null;

  async function run(load) {
    const mine = turn;
    for (let next = load; next; next = due) {
      due = null;
      let told;
      try {
        told = { data: await Promise.resolve().then(next), error: null };
      } catch (error) {
        told = { error };
      }
      if (mine !== turn) return;
      tell(told);
    }
    under = null;
  }

  return {
    ask(load) {
      if (under) due = load;
      else under = run(load);
      return under;
    },
    forget() {
      turn += 1;
      under = null;
      due = null;
    },
  };
}
