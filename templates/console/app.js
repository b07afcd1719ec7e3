import {$, bus, buttons, closer, dialog, facts, h, isAdmin, isKey, link, on, say, scope, session, state, swap, title} from './page.js'
import * as feed from './feed.js'
import * as login from './login.js'
import orders, {last} from './orders.js'
import order from './order.js'
import newOrder from './new_order.js'
import mails from './mails.js'
import webhooks from './webhooks.js'
import users, {account} from './users.js'
import system from './system.js'

const PAGES = {orders: ['Orders', to => (to.id ? order : orders)(to)], new: ['New order', newOrder], mails: ['Mails', mails, isAdmin], webhooks: ['Webhooks', webhooks, isAdmin],
	users: ['Users', users, () => isAdmin() && !isKey()], system: ['System', system, isAdmin], account: ['Account', account]}

const main = $('main'), lost = $('#lost'), shop = $('[name=shop]').content
const may = ([, , allows]) => !allows || allows()
let here = {}, leaving

function route() {
	if (!session) return out()
	const [path, search] = location.hash.slice(1).split('?'), [, asked, id] = path.split('/'), name = PAGES[asked]?.map ? asked : 'orders', [text, run] = PAGES[name]
	const query = Object.fromEntries(new URLSearchParams(search)), isFirst = !here.name
	if (here.name === name && here.id === id && here.update) return here.update(query)
	leaving?.abort()
	leaving = new AbortController()
	scope.signal = leaving.signal
	here = {name, id}
	document.title = `${id ? `${text} ${id}` : text} – ${shop}`
	frame()
	if (may(PAGES[name])) here.update = run({main, id, query})
	else main.replaceChildren(title(text), state(isKey() ? 'This page takes a password: a key may not use it.' : 'This page is for admins.'))
	if (!isFirst && !main.contains(document.activeElement)) main.focus({preventScroll: true})
}

function frame() {
	const to = (name, text = PAGES[name][0]) => link(`#/${name}`, text, {id: `go-${name}`, 'aria-current': here.name === name && 'page'})
	swap($('header'), link('#/orders', shop, {class: 'brand'}), session && [h('nav', {'aria-label': 'Pages'}, Object.keys(PAGES).filter(it => it !== 'account' && may(PAGES[it])).map(it => to(it))),
		h('span.end', h('span', {title: feed.isLive ? 'What changes shows at once' : 'Asked again every 15 s'}, feed.isLive ? '● Live' : '○ 15 s'), to('account', [session.user.username, isKey() && ' (key)']), link('../docs', 'API'))])
}

function out() {
	here = {}
	frame()
	document.title = `Log in – ${shop}`
	login.page(main, () => { feed.start(); route() })
}

function move(step) {
	const rows = [...main.querySelectorAll('td:first-child>a')], at = rows.findIndex(it => it.closest('tr').contains(document.activeElement))
	rows[at < 0 ? 0 : Math.max(0, Math.min(rows.length - 1, at + step))]?.focus()
}

const go = hash => { location.hash = hash }
const KEYS = {'/': ['Search', () => $('[type=search]')?.focus()], j: ['Next in a list', () => move(1)], k: ['Previous', () => move(-1)], Enter: ['Open'], n: ['New order', () => go('#/new')],
	Escape: ['Close, go back'], '?': ['These keys', () => dialog('Keys', facts(Object.fromEntries(Object.entries(KEYS).map(([key, [text]]) => [key, text]))), h('p', 'Account turns them off.'), buttons(closer()))]}
on(document, 'keydown', event => {
	const {target, key} = event, isTyping = target.matches('input:not([type=checkbox]),select,textarea'), fold = target.closest('details[open]')
	if (!session || event.ctrlKey || event.metaKey || event.altKey || $('dialog')) return
	if (key === 'Escape') {
		if (fold) { fold.open = false; fold.firstChild.focus() } else if (isTyping) target.blur()
		else if (here.id) go(here.name === 'orders' ? last : `#/${here.name}`)
	} else if (!isTyping && KEYS[key]?.[1] && localStorage.shortcuts !== 'off') {
		event.preventDefault()
		KEYS[key][1]()
	}
})
on($('.skip'), 'click', event => { event.preventDefault(); main.focus() })

on(bus, 'lost', () => { lost.hidden = false })
on(bus, 'found', () => { lost.hidden = true; say('The connection is back.') })
on(bus, 'live', frame)
on(window, 'hashchange', route)
if (session) feed.start()
route()
