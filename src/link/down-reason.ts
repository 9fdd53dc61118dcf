/** Why a link is down, beginning with its name; a port that could not be opened says that by itself. */
export function downReason(link: { readonly name: string }, state: { readonly reason: string }): string {
  const head = `${link.name}: `;
  return state.reason.startsWith(head) ? state.reason : `${head}${state.reason}`;
}
