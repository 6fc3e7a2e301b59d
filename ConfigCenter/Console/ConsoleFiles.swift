/// The files of the operators' console, as they are in this folder. They hold no data.
package enum ConsoleFiles {
    package static let html = PackageResources.index_html
    package static let style = PackageResources.console_css
    /// By name; the page loads each of them.
    package static let scripts = [
        "acts": PackageResources.acts_js, "approvals": PackageResources.approvals_js,
        "charts": PackageResources.charts_js, "console": PackageResources.console_js,
        "planning": PackageResources.planning_js, "schedule": PackageResources.schedule_js,
        "views": PackageResources.views_js,
    ]
}
