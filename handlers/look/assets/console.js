// What the console does beyond forms and links. Everything here can also be done
// without it.
(() => {
  'use strict'

  // The overview is renewed while somebody looks at it and doesn't use it.
  const live = () => document.querySelector('#live[data-refresh]')
  const renew = async () => {
    const part = live()
    if (!part || document.hidden || part.contains(document.activeElement) || !getSelection().isCollapsed) return
    try {
      const answer = await fetch(location.href, { headers: { Accept: 'text/html' }, redirect: 'error' })
      if (!answer.ok) return
      const next = new DOMParser().parseFromString(await answer.text(), 'text/html').querySelector('#live')
      if (next && live() === part) part.replaceWith(document.adoptNode(next))
    } catch {
      // the next time
    }
  }
  const every = Number(live()?.dataset.refresh)
  if (every) setInterval(renew, every * 1000)
})()
