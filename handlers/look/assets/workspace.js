// What the pages do beyond forms and links: cards are dragged. Everything here can
// also be done without it.
(() => {
  'use strict'
  let dragged = null // the card
  let home = null // the card's column, and what was below it there

  const cardOf = (target) => target instanceof Element ? target.closest('.card') : null
  const columnOf = (target) => target instanceof Element ? target.closest('.column')?.querySelector('.cards') : null
  const idOf = (card) => card ? card.id.slice(1) : ''

  // What is below the card when it is dropped at that height; null for nothing.
  const below = (column, y) => {
    for (const card of column.querySelectorAll('.card')) {
      const box = card.getBoundingClientRect()
      if (card !== dragged && y < box.top + box.height / 2) return card
    }
    return column.querySelector('.rest')
  }

  document.addEventListener('pointerover', (event) => {
    const card = cardOf(event.target)
    if (card) card.draggable = true
  })

  document.addEventListener('dragstart', (event) => {
    dragged = cardOf(event.target)
    if (!dragged) return
    home = { card: dragged, column: dragged.parentElement, below: dragged.nextElementSibling }
    event.dataTransfer.effectAllowed = 'move'
    event.dataTransfer.setData('text/plain', dragged.querySelector('a').textContent)
    dragged.classList.add('dragged')
  })

  document.addEventListener('dragover', (event) => {
    const column = dragged && columnOf(event.target)
    if (!column) return
    event.preventDefault()
    event.dataTransfer.dropEffect = 'move'
    const next = below(column, event.clientY)
    if (next !== dragged.nextElementSibling || column !== dragged.parentElement) column.insertBefore(dragged, next)
  })

  // The card lies already where it is dropped; the answer shows where it is.
  document.addEventListener('drop', (event) => {
    const card = dragged
    if (!card || !columnOf(event.target)) return
    event.preventDefault()
    dragged = null
    card.classList.remove('dragged')
    htmx.ajax('POST', `/tasks/${idOf(card)}/move`, {
      source: '#board', target: '#board', select: '#board', swap: 'outerHTML',
      values: { to: card.parentElement.dataset.status, after: idOf(card.previousElementSibling) },
    }).catch(() => {}) // forms.js tells of it
  })

  document.addEventListener('dragend', () => {
    if (!dragged) return // it was dropped
    dragged.classList.remove('dragged')
    dragged = null
    goHome()
  })

  // The card is put back where it was when nothing came of its move.
  const goHome = () => {
    if (home?.column.isConnected) home.column.insertBefore(home.card, home.below)
    home = null
  }

  // Where the focused button is not there any more, its card gets the focus. Who
  // doesn't see where the card went is told.
  let focused = ''
  document.addEventListener('htmx:beforeSwap', () => { focused = cardOf(document.activeElement)?.id ?? '' })
  document.addEventListener('htmx:afterSettle', () => {
    const link = focused && document.getElementById(focused)?.querySelector('a')
    focused = ''
    if (!link) return
    if (document.activeElement === document.body) link.focus()
    document.getElementById('said').textContent = `${link.textContent}: ${link.closest('.column').querySelector('h2').textContent}`
  })

  document.addEventListener('form:failed', goHome)
  document.addEventListener('htmx:afterSettle', () => { home = null })
})()
