import {$, bus, choice, closable, draw, facts, go, h, isAdmin, isKey, isLive, link, on, say, scope, session, startFeed,
	state, swap} from './page.js'
import {last, orders} from './orders.js'
import {order} from './order.js'
import {newOrder} from './new_order.js'
import {mails, system, webhooks} from './machines.js'
import {account, logIn, users} from './people.js'

const PAGES = {
	orders: ['Orders', to => to.id ? order(to) : orders(to)],
	new: ['New order', newOrder],
	mails: ['Mails', mails, isAdmin],
	webhooks: ['Webhooks', webhooks, isAdmin],
	users: ['Users', users, () => isAdmin() && !isKey()],
	system: ['System', system, isAdmin],
	account: ['Account', account]
}

const main = $('main')
const shop = $('[name=shop]').content
const allows = name => PAGES[name][2]?.() ?? true
let here = {}, leaving

function route() {
	if (!session) return out()
	const [path, search] = location.hash.slice(1).split('?')
	const [, asked, id] = path.split('/')
	const name = Object.hasOwn(PAGES, asked) ? asked : 'orders'
	const query = Object.fromEntries(new URLSearchParams(search))
	if (here.name === name && here.id === id && here.update) return here.update(query)
	const [text, page] = PAGES[name]
	const isFirst = !here.name
	leaving?.abort()
	leaving = new AbortController()
	scope.signal = leaving.signal
	here = {name, id}
	document.title = `${text}${id ? ` ${id}` : ''} – ${shop}`
	frame()
	if (allows(name)) here.update = page({id, query})
	else draw(h('h1', text),
		state(`This page ${isKey() ? 'takes a password: a key may not use it' : 'is for admins'}.`))
	if (!isFirst && !main.contains(document.activeElement)) main.focus({preventScroll: true})
}

function frame() {
	const leadTo = (name, text = PAGES[name][0]) => choice(`#/${name}`, text, name === here.name)
	const pages = Object.keys(PAGES).filter(it => it !== 'account' && allows(it))
	const [live, meaning] = isLive ? ['● Live', 'What changes shows at once'] : ['○ 15 s', 'Asked again every 15 s']
	swap($('header'), link('#/orders', shop, {class: 'brand'}), session && [
		h('nav', {'aria-label': 'Pages'}, pages.map(it => leadTo(it))),
		h('span.end', h('span', {title: meaning}, live),
			leadTo('account', [session.user.username, isKey() && ' (key)']), link('../docs', 'API'))
	])
}

function out() {
	here = {}
	frame()
	document.title = `Log in – ${shop}`
	logIn(() => {
		startFeed()
		route()
	})
}

const KEYS = {
	'/': ['Search', () => $('[type=search]')?.focus()],
	j: ['Next in a list', () => move(1)],
	k: ['Previous', () => move(-1)],
	Enter: ['Open'],
	n: ['New order', () => go('#/new')],
	Escape: ['Close, go back'],
	'?': ['These keys', showKeys]
}

function move(step) {
	const rows = [...main.querySelectorAll('td:first-child>a')]
	const at = rows.findIndex(it => it.closest('tr').contains(document.activeElement))
	rows[at < 0 ? 0 : Math.max(0, Math.min(rows.length - 1, at + step))]?.focus()
}

function showKeys() {
	const texts = Object.fromEntries(Object.entries(KEYS).map(([key, [text]]) => [key, text]))
	closable('Keys', [facts(texts), h('p', 'Account turns them off.')])
}

function escape(target, isTyping) {
	const fold = target.closest('details[open]')
	if (fold) {
		fold.open = false
		fold.firstChild.focus()
	} else if (isTyping) target.blur()
	else if (here.id) go(here.name === 'orders' ? last : `#/${here.name}`)
}

on(document, 'keydown', event => {
	const {target, key} = event
	const isTyping = target.matches('input:not([type=checkbox]),select,textarea')
	if (!session || event.ctrlKey || event.metaKey || event.altKey || $('dialog')) return
	// A key that is held takes one step, not all.
	if (event.repeat && key === 'Enter' && target.matches('button')) event.preventDefault()
	if (key === 'Escape') return escape(target, isTyping)
	const run = KEYS[key]?.[1]
	if (isTyping || !run || localStorage.shortcuts === 'off') return
	event.preventDefault()
	run()
})
on($('.skip'), 'click', event => {
	event.preventDefault()
	main.focus()
})
on(bus, 'lost', () => { $('#lost').hidden = false })
on(bus, 'found', () => {
	$('#lost').hidden = true
	say('The connection is back.')
})
on(bus, 'live', frame)
on(window, 'hashchange', route)
if (session) startFeed()
route()
