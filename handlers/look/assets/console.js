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

// A tenant is created while its steps are shown, as the ledger tells of them.
// The answer is the page that the form would have led to.
;(() => {
  'use strict'
  const mark = (list, at) => {
    const all = [...list.querySelectorAll('li')]
    const now = all.findIndex(li => li.dataset.step === at)
    all.forEach((li, i) => { li.className = now < 0 || i < now ? 'done' : i === now ? 'doing' : '' })
  }

  const opened = (stream) => new Promise(resolve => { stream.onopen = resolve; stream.onerror = resolve })

  document.addEventListener('submit', async (event) => {
    const box = event.target.closest('[data-steps]')
    if (!box) return
    event.preventDefault()
    const form = event.target
    const values = new URLSearchParams(new FormData(form))
    const going = box.querySelector('.going')
    const list = going.querySelector('.steps')
    going.querySelector('.what').textContent = values.get('subdomain')
    const back = () => { form.hidden = false; going.hidden = true }
    form.hidden = true
    going.hidden = false
    mark(list, 'reserve')
    const stream = new EventSource(`${box.dataset.steps}?subdomain=${encodeURIComponent(values.get('subdomain').trim())}`)
    stream.addEventListener('step', (e) => {
      const { step, state } = JSON.parse(e.data)
      if (state === 'running') mark(list, step)
      if (state === 'done') mark(list, 'admin')
    })
    stream.addEventListener('over', () => stream.close())
    try {
      await opened(stream)
      const answer = await fetch(form.action, { method: 'POST', body: values, headers: { Accept: 'text/html', 'HX-Request': 'true' } })
      stream.close() // or what comes late would undo the marks
      mark(list, '')
      if (answer.redirected) {
        location.assign(answer.url)
        return
      }
      const next = new DOMParser().parseFromString(await answer.text(), 'text/html')
      const problem = next.getElementById('problem')
      if (problem) {
        back()
        document.dispatchEvent(new CustomEvent('form:told', { detail: document.adoptNode(problem) }))
        return
      }
      if (!next.querySelector('main')) throw new TypeError('not the console’s')
      document.querySelector('main').replaceWith(document.adoptNode(next.querySelector('main')))
      document.title = next.title
      const at = answer.headers.get('Content-Location')
      if (at) history.pushState(null, '', at)
      const place = document.querySelector('[aria-invalid]') ?? document.querySelector('main')
      place.focus()
    } catch {
      back()
      document.dispatchEvent(new CustomEvent('form:lost'))
    } finally {
      stream.close()
    }
  })
  addEventListener('popstate', () => location.reload())
})()

// What runs is shown as it goes on: the waves of a run fill, and a checkup's bar.
;(() => {
  'use strict'
  const say = (box, name, n) => { const at = box.querySelector(`[data-${name}]`); if (at) at.textContent = n.toLocaleString('en') }
  const wave = (one) => {
    const item = document.createElement('li')
    item.className = 'wave'
    const number = document.createElement('span')
    number.className = 'hint'
    number.textContent = one.number
    const bar = document.createElement('progress')
    bar.max = one.size
    bar.value = one.done
    bar.setAttribute('aria-label', `Wave ${one.number}`)
    item.append(number, bar)
    return item
  }
  let watched = null // the box and its stream
  const watch = () => {
    if (watched && !watched.box.isConnected) watched.stream.close()
    const box = document.querySelector('#running[data-events]')
    if (!box || box === watched?.box) return
    box.querySelector('.noscript')?.remove()
    const stream = new EventSource(box.dataset.events)
    watched = { box, stream }
    stream.addEventListener('progress', (event) => {
      const now = JSON.parse(event.data)
      for (const name of ['done', 'total', 'failed', 'step']) if (name in now) say(box, name, now[name])
      const bar = box.querySelector(':scope > progress')
      if (bar && now.total) { bar.max = now.total; bar.value = now.done }
      box.querySelector('.waves')?.replaceChildren(...(now.waves ?? []).map(wave))
    })
    stream.addEventListener('over', () => {
      stream.close()
      // The page tells what came of it; what is typed there stays.
      if (box.isConnected) htmx.ajax('GET', location.pathname + location.search, { target: 'body', swap: 'innerHTML' }).catch(() => {})
    })
    stream.onerror = () => { if (stream.readyState === EventSource.CLOSED && box.isConnected) location.reload() } // or leads to the sign-in
  }
  watch()
  document.addEventListener('htmx:afterSettle', watch)
})()

// A button that was pressed is not pressed again while its answer is waited for.
;(() => {
  'use strict'
  document.addEventListener('submit', (event) => {
    if (event.defaultPrevented || event.target.method !== 'post') return
    const button = event.submitter
    setTimeout(() => { if (button) button.disabled = true })
    event.target.setAttribute('aria-busy', 'true')
  })
  addEventListener('pageshow', (event) => { if (event.persisted) location.reload() })
})()
