// The option `--times N` among the arguments of a tier of tests.

/** How often to run, and the other arguments; `problem` says what is wrong with the option. */
export function takeTimes(args) {
  const at = args.findIndex((arg) => arg === '--times' || arg.startsWith('--times='));
  if (at < 0) return { times: 1, rest: args };
  const inline = args[at].startsWith('--times=');
  const value = inline ? args[at].slice('--times='.length) : args[at + 1];
  const times = Number(value);
  const rest = args.filter((_, i) => i !== at && (inline || i !== at + 1));
  if (!/^[0-9]+$/.test(value ?? '') || times < 1)
    return { times: 0, rest, problem: `--times is a number from 1 on, not '${value ?? ''}'` };
  return { times, rest };
}
