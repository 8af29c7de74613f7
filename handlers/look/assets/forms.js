// Forms that htmx sends, on every page: what fails is told where it can be seen,
// the page stays as it is, and nothing that was typed is lost.
(() => {
  'use strict'

  // The region for messages: the server fills it, or this script.
  const region = () => document.getElementById('alert')
  const tell = (text) => {
    const message = document.createElement('p')
    message.textContent = text
    const close = document.createElement('button')
    close.type = 'button'
    close.textContent = 'Close'
    region()?.replaceChildren(message, close)
  }
  document.addEventListener('click', (event) => { if (event.target.closest('#alert button')) region().replaceChildren() })
  const failed = () => document.dispatchEvent(new CustomEvent('form:failed'))

  const UNKNOWN = 'What you typed is still here. It isn’t known whether it was stored: look in another tab before you send it again.'
  const lost = () => { tell('There is no connection. ' + UNKNOWN); failed() }
  document.addEventListener('htmx:sendError', lost)
  document.addEventListener('htmx:timeout', lost)
  document.addEventListener('form:lost', lost)
  document.addEventListener('form:told', (event) => region()?.replaceChildren(event.detail))

  // An answer without the part that it was asked for is not of this application: a
  // proxy's error, for one. It would empty the page.
  const isAnswer = ({ xhr, elt, requestConfig }) => {
    const select = requestConfig.elt?.closest('[hx-select]')?.getAttribute('hx-select') ?? elt?.closest?.('[hx-select]')?.getAttribute('hx-select')
    const id = /^#([\w-]+)/.exec(select ?? '#main')?.[1] ?? 'main'
    return xhr.responseText.includes(`id="${id}"`)
  }

  // What was typed beside the form that was sent, by the ids of the fields.
  let typed = []
  const isTyped = (field) => field.type !== 'file' && field.type !== 'hidden' &&
    (field.options ? !field.options[field.selectedIndex]?.defaultSelected : field.value !== field.defaultValue)
  const remember = (form) => {
    typed = [...document.querySelectorAll('main :is(input, textarea, select)[id]')]
      .filter(field => !form?.contains(field) && isTyped(field)).map(field => ({ field, value: field.value }))
  }

  document.addEventListener('htmx:beforeSwap', (event) => {
    const detail = event.detail
    if (detail.xhr.getResponseHeader('HX-Retarget') === '#alert') {
      failed()
      return
    }
    if (detail.shouldSwap && !isAnswer(detail)) {
      detail.shouldSwap = false
      tell(`The answer (status ${detail.xhr.status}) was not this application’s. ${UNKNOWN}`)
      failed()
      return
    }
    remember(detail.requestConfig.elt?.closest('form'))
    region()?.replaceChildren()
  })

  document.addEventListener('htmx:afterSettle', (event) => {
    for (const { field, value } of typed) {
      const now = document.getElementById(field.id)
      if (!now || now === field) continue
      now.value = value
      for (let fold = now.closest('details'); fold; fold = fold.parentElement.closest('details')) fold.open = true
    }
    typed = []
    if (event.detail.target !== document.body || document.activeElement !== document.body) return
    const place = document.querySelector('main [aria-invalid]') ?? document.getElementById('main')
    place?.focus()
  })
})()
