// What the pages do beyond forms and links: cards are dragged, and who has no
// connection is told. Everything here can also be done without it.
(() => {
  'use strict'
  let dragged = null

  const cardOf = (target) => target instanceof Element ? target.closest('.card') : null
  const columnOf = (target) => target instanceof Element ? target.closest('.column')?.querySelector('.cards') : null

  // The card before which one is dropped at that height; null for the end.
  const cardBelow = (column, y) => {
    for (const card of column.querySelectorAll('.card')) {
      const box = card.getBoundingClientRect()
      if (card !== dragged && y < box.top + box.height / 2) return card
    }
    return column.querySelector('.rest')
  }

  const idOf = (card) => card ? card.id.slice(1) : ''

  document.addEventListener('pointerover', (event) => {
    const card = cardOf(event.target)
    if (card) card.draggable = true
  })

  document.addEventListener('dragstart', (event) => {
    dragged = cardOf(event.target)
    if (!dragged) return
    event.dataTransfer.effectAllowed = 'move'
    event.dataTransfer.setData('text/plain', dragged.querySelector('a').textContent)
    dragged.classList.add('dragged')
  })

  document.addEventListener('dragover', (event) => {
    const column = dragged && columnOf(event.target)
    if (!column) return
    event.preventDefault()
    event.dataTransfer.dropEffect = 'move'
    const below = cardBelow(column, event.clientY)
    if (below !== dragged.nextElementSibling || column !== dragged.parentElement) column.insertBefore(dragged, below)
  })

  document.addEventListener('drop', (event) => {
    if (dragged && columnOf(event.target)) event.preventDefault()
  })

  // The card lies already where it was dropped; the answer shows where it is.
  document.addEventListener('dragend', (event) => {
    const card = dragged
    dragged = null
    if (!card) return
    card.classList.remove('dragged')
    const column = card.parentElement
    if (event.dataTransfer.dropEffect === 'none') {
      htmx.ajax('GET', location.pathname + location.search, { source: '#board', target: '#board', select: '#board', swap: 'outerHTML' })
      return
    }
    htmx.ajax('POST', `/tasks/${idOf(card)}/move`, {
      source: '#board', target: '#board', select: '#board', swap: 'outerHTML',
      values: { to: column.dataset.status, after: idOf(card.previousElementSibling) },
    })
  })

  // Where the focused button is not there any more, its card gets the focus.
  let focused = ''
  document.addEventListener('htmx:beforeSwap', () => { focused = cardOf(document.activeElement)?.id ?? '' })
  document.addEventListener('htmx:afterSettle', () => {
    if (focused && document.activeElement === document.body) document.getElementById(focused)?.querySelector('a')?.focus()
    focused = ''
  })

  const offline = (is) => { const text = document.getElementById('offline'); if (text) text.hidden = !is }
  document.addEventListener('htmx:sendError', () => offline(true))
  document.addEventListener('htmx:afterOnLoad', () => offline(false))
})()
