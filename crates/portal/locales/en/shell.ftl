yes = yes
no = no
product = Harbor
skip = Skip to content
menu = Menu
navigation = Main navigation
breadcrumbs = Breadcrumbs
pages = Pages
language = Language
theme = Theme
theme-system = As the system
theme-light = Light
theme-dark = Dark
search = Search
search-everywhere = Search projects and repositories
search-for = Results for “{ $name }”
search-sub = Names of projects and repositories are searched.
copy = Copy
copied = Copied
close = Close
cancel = Cancel
save = Save
remove = Remove
delete = Delete
delete-named = Delete { $name }
done = Done
next = Next
previous = Previous
actions = Actions
all = All
on = On
off = Off
never = Never
name = Name
description = Description
created = Created
updated = Updated
time = Time
state = State
size = Size
details = Details
you = You
settings = Settings
administration = Administration
nothing-found = Nothing found
nothing-found-sub = No entry matches the filter.
clear-filter = Clear the filter
api-explorer = API explorer
read-only-notice = The system is read only: pulls work, pushes and changes are refused.
request-id = Request
to-projects = To the projects
moment-now = just now
moment-minutes = { $count ->
    [one] { $count } minute ago
   *[other] { $count } minutes ago
}
moment-hours = { $count ->
    [one] { $count } hour ago
   *[other] { $count } hours ago
}
moment-days = { $count ->
    [one] { $count } day ago
   *[other] { $count } days ago
}
ahead-soon = in less than a minute
ahead-minutes = { $count ->
    [one] in { $count } minute
   *[other] in { $count } minutes
}
ahead-hours = { $count ->
    [one] in { $count } hour
   *[other] in { $count } hours
}
ahead-days = { $count ->
    [one] in { $count } day
   *[other] in { $count } days
}
